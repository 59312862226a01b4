//! The command line of `gamma`: one enum, one file per command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use settings::SettingsError;
use store::error::StoreError;

pub mod audit;
pub mod backup;
pub mod client;
pub mod config;
pub mod doctor;
pub mod journal;
pub mod key;
pub mod migrate;
pub mod out;
pub mod replay;
pub mod restore;

/// Click tracking, attribution and payouts that everybody can check.
#[derive(Debug, Parser)]
#[command(name = "gamma", version, about, max_term_width = 100, after_help = FIRST_STEPS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  gamma up --demo        everything in one process, with something to look at
  gamma doctor           what is wrong here and what to do about it

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 78 configuration error, 70 internal.
Settings: flags, then GAMMA__SECTION__KEY, then the file, then defaults.";

const RESTORE_EXAMPLE: &str = "\
Example:
  gamma restore --from /backup/gamma-2026-11-28 --data-dir ./gamma-data

Restore one backup once: two instances that go on from the same copy answer for the same orders.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run daemon and control plane in one process on embedded stores.
    #[command(after_help = "Example:\n  gamma up --data-dir ./gamma-data --demo")]
    Up(Up),
    /// Apply database migrations, or move everything to another engine.
    #[command(after_help = migrate::EXAMPLES)]
    Migrate(migrate::MigrateArgs),
    /// Check or print a configuration.
    #[command(after_help = "Example:\n  gamma config check config/gamma.toml")]
    Config(config::ConfigArgs),
    /// Make, list and revoke API keys.
    #[command(after_help = "Example:\n  gamma key create --role finance --name payroll")]
    Key(key::KeyArgs),
    /// Run the ledger checks A1 to A12; exit code 1 if one is not zero.
    #[command(after_help = "Example:\n  gamma audit --json")]
    Audit(audit::AuditArgs),
    /// Rebuild the ledger from its commands and compare; exit code 1 if an entry differs.
    #[command(after_help = "Example:\n  gamma replay --ledger")]
    Replay(replay::ReplayArgs),
    /// Copy the embedded stores consistently, also while they are in use.
    #[command(after_help = "Example:\n  gamma backup --to /backup/gamma-2026-11-28")]
    Backup(backup::BackupArgs),
    /// Bring a backup back into an empty data directory, and audit it.
    #[command(after_help = RESTORE_EXAMPLE)]
    Restore(restore::RestoreArgs),
    /// Read a journal that no daemon writes.
    #[command(after_help = "Example:\n  gamma journal verify ./gamma-data/journal")]
    Journal(journal::JournalArgs),
    /// Check stores, disk, clock, plugins and addresses, and say what to do.
    #[command(after_help = "Example:\n  gamma doctor --config config/gamma.toml")]
    Doctor(Place),
}

/// Where the configuration and the embedded stores are.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Configuration file.
    #[arg(long, value_name = "F", global = true)]
    pub config: Option<PathBuf>,
    /// Directory of the embedded stores [default: ./gamma-data].
    #[arg(long, value_name = "D", global = true)]
    pub data_dir: Option<PathBuf>,
}

/// Flags of `gamma up`.
#[derive(Debug, Clone, Args)]
pub struct Up {
    /// Where it runs.
    #[command(flatten)]
    pub place: Place,
    /// Seed one of everything, with thirty days of history, and print commands to paste.
    #[arg(long)]
    pub demo: bool,
}

impl Place {
    /// The data directory: as told, else the default.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(crate::config::default_data_dir)
    }

    /// The data directory, which must be there.
    ///
    /// # Errors
    /// [`CliError::Usage`] when it is not.
    pub fn existing_data_dir(&self) -> Result<PathBuf, CliError> {
        let data_dir = self.data_dir();
        if data_dir.is_dir() {
            return Ok(data_dir);
        }
        let wrong = format!("{} does not exist: gamma up makes it", data_dir.display());
        Err(CliError::Usage(wrong))
    }
}

/// Why a command did not end with exit code 0.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A check failed; everything was said already.
    #[error("the answer is no")]
    No,
    /// Exit code 2: what was asked for is not there, or not possible so. The message says what.
    #[error("{0}")]
    Usage(String),
    /// Exit code 78.
    #[error(transparent)]
    Config(#[from] SettingsError),
    /// Exit code 70.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl CliError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::No => 1,
            Self::Usage(_) => 2,
            Self::Config(_) => 78,
            Self::Internal(_) => 70,
        })
    }
}
