//! `gamma journal inspect|verify DIR`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use clap::Subcommand;
use journal::JournalSummary;
use journal::RealStorage;
use journal::Storage;

use crate::cli::CliError;
use crate::cli::out;

/// Flags of `gamma journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List lanes and segments by their names and headers.
    #[command(after_help = "Example:\n  gamma journal inspect ./gamma-data/journal")]
    Inspect {
        /// Directory of the journal, such as ./gamma-data/journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Read every byte; exit code 1 if something is damaged.
    #[command(after_help = "Example:\n  gamma journal verify ./gamma-data/journal")]
    Verify {
        /// Directory of the journal, such as ./gamma-data/journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// [`CliError::No`] when `verify` finds damage, [`CliError::Internal`] when the directory cannot be
/// read.
pub fn run(args: &JournalArgs) -> Result<(), CliError> {
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    match &args.verb {
        Verb::Inspect { dir } => {
            let summary = journal::inspect(&*storage, dir)
                .with_context(|| format!("cannot read {}", dir.display()))?;
            print(&summary);
            Ok(())
        }
        Verb::Verify { dir } => {
            let summary = journal::verify(&*storage, dir)
                .with_context(|| format!("cannot read {}", dir.display()))?;
            print(&summary);
            let damaged: usize = summary.lanes.iter().map(|lane| lane.damage.len()).sum();
            if damaged == 0 {
                out::line("no damage");
                return Ok(());
            }
            for lane in &summary.lanes {
                for damage in &lane.damage {
                    out::line(&format!("{}: {damage:?}", lane.lane.as_str()));
                }
            }
            Err(CliError::No)
        }
    }
}

fn print(summary: &JournalSummary) {
    let head = ["lane", "segments", "records", "first", "last", "bytes", "cursors"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for lane in &summary.lanes {
        let seq = |seq: Option<u64>| seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
        let cursors: Vec<String> =
            lane.cursors.iter().map(|(name, seq)| format!("{name}={seq}")).collect();
        rows.push(vec![
            lane.lane.as_str().to_owned(),
            lane.segments.len().to_string(),
            lane.records.to_string(),
            seq(lane.first_seq),
            seq(lane.last_seq),
            out::bytes(lane.bytes),
            cursors.join(" "),
        ]);
    }
    out::table(&rows);
}
