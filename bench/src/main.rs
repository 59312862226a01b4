//! `bench run M2 …`: measures pairs and keeps what it found. The other commands are the servers it
//! starts.

use std::path::PathBuf;

use bench::run;
use bench::run::Run;
use bench::serve;
use clap::Parser;
use clap::Subcommand;

/// Ratios of ours to something plain, measured in one run.
///
/// Example: cargo run --profile dist -p bench -- run m2 m12
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, prints one line per measure and writes a dated file for each
    Run(Run),
    /// The daemon with its own catalog; prints its address
    ServeOurs {
        #[arg(long)]
        links: u64,
        #[arg(long)]
        core: Option<usize>,
        #[arg(long)]
        scratch: PathBuf,
        #[arg(long)]
        no_durability: bool,
    },
    /// hyper alone with one constant answer; prints its address
    ServeBare {
        #[arg(long)]
        core: usize,
        /// A line `name: value` of the answer
        #[arg(long = "header")]
        headers: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(run) => run::measure_all(&run),
        Command::ServeBare { core, headers } => serve::bare::serve(core, &headers),
        Command::ServeOurs { links, core, scratch, no_durability } => {
            let directory = tempfile::tempdir_in(scratch)?;
            serve::ours::serve(&serve::ours::Settings {
                core,
                links,
                is_durable: !no_durability,
                directory: directory.path(),
            })
        }
    }
}
