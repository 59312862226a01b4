//! `gamma replay`.

use clap::Args;
use model::clock::SystemClock;

use crate::app;
use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::out;
use crate::config::Config;
use crate::settle::rebuild;

/// Flags of `gamma replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    place: Place,
    /// Fold all ledger commands into a fresh ledger and compare entry for entry.
    #[arg(long, required = true)]
    ledger: bool,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::No`] when an entry differs.
pub fn run(args: &ReplayArgs) -> Result<(), CliError> {
    debug_assert!(args.ledger, "there is nothing else to replay");
    app::block_on(ledger(&args.place))
}

async fn ledger(place: &Place) -> Result<(), CliError> {
    let mut layers = crate::config::layers(place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let data_dir = place.existing_data_dir()?;
    let store = app::open_store(&config.db_url(&data_dir), &SystemClock).await?;
    let rebuilt = rebuild::rebuild(&store).await?;
    store.close().await;
    let rebuild::Rebuilt { commands, accounts, differences, named } = rebuilt;
    out::line(&format!("{commands} commands, {accounts} accounts, {differences} differences"));
    for line in &named {
        out::line(line);
    }
    if differences == 0 { Ok(()) } else { Err(CliError::No) }
}
