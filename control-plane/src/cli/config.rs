//! `gamma config check|print`.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::CliError;
use crate::cli::out;
use crate::up;

/// Flags of `gamma config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say whether the file is good; name file, key and reason when it is not.
    #[command(after_help = "Example:\n  gamma config check config/gamma.toml")]
    Check {
        /// The file.
        #[arg(value_name = "F")]
        file: PathBuf,
    },
    /// Print what would be used, secrets left out.
    #[command(after_help = "Example:\n  gamma config print config/gamma.toml")]
    Print {
        /// The file; without one, environment and defaults.
        #[arg(value_name = "F")]
        file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Config`] for a configuration that is refused.
pub fn run(args: &ConfigArgs) -> Result<(), CliError> {
    match &args.verb {
        Verb::Check { file } => {
            effective(Some(file))?;
            out::line(&format!("{}: good", file.display()));
        }
        Verb::Print { file } => out::line(effective(file.as_deref())?.trim_end()),
    }
    Ok(())
}

fn effective(file: Option<&Path>) -> Result<String, CliError> {
    let layers = crate::config::layers(file)?;
    Ok(up::Settings::take(layers)?.print())
}
