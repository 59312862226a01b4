//! `gamma migrate`.

use anyhow::Context;
use store::unit::Store;

use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::out;
use crate::config::Config;

/// Runs the command.
///
/// # Errors
/// [`CliError::Internal`] when a migration fails; the schema is as it was before that step.
pub fn run(place: &Place) -> Result<(), CliError> {
    let mut layers = crate::config::layers(place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let url = config.db_url(&place.existing_data_dir()?);
    crate::app::block_on(async move {
        let store = Store::open(&url).await.with_context(|| format!("cannot open {url}"))?;
        store.migrate().await.context("cannot migrate")?;
        store.close().await;
        out::line(&format!("{url}: schema is up to date"));
        Ok(())
    })
}
