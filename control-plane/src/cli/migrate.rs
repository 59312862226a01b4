//! `gamma migrate`: brings a schema up to date, or moves all rows to another engine.

use anyhow::Context;
use clap::Args;
use store::copying::CopiedTable;
use store::unit::Store;
use store::unit::shown;

use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::out;
use crate::config::Config;

pub(super) const EXAMPLES: &str = "\
Examples:
  gamma migrate --data-dir ./gamma-data
  gamma migrate --from sqlite://./gamma-data/gamma.db --to postgres://gamma@db.example/gamma

Moving needs an empty target and nothing that writes to the source. Every table is counted and
summed on both sides; exit code 1 if one differs.";

/// Flags of `gamma migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    place: Place,
    /// Address of the database whose rows are moved.
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// Address of the empty database that gets them.
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Internal`] when a migration fails; the schema is as it was before that step.
/// [`CliError::No`] when the two sides of a move differ.
pub fn run(args: &MigrateArgs) -> Result<(), CliError> {
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        return crate::app::block_on(copy(from, to));
    }
    let mut layers = crate::config::layers(args.place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let url = match &*config.db.url {
        "" => config.db_url(&args.place.existing_data_dir()?),
        url => url.to_owned(),
    };
    crate::app::block_on(async move {
        let store = migrated(&url).await?;
        store.close().await;
        out::line(&format!("{}: schema is up to date", shown(&url)));
        Ok(())
    })
}

async fn open(url: &str) -> anyhow::Result<Store> {
    Store::open(url).await.with_context(|| format!("cannot open {}", shown(url)))
}

async fn migrated(url: &str) -> anyhow::Result<Store> {
    let store = open(url).await?;
    store.migrate().await.with_context(|| format!("cannot migrate {}", shown(url)))?;
    Ok(store)
}

async fn copy(from: &str, to: &str) -> Result<(), CliError> {
    if let Some(path) = from.strip_prefix("sqlite://")
        && !std::path::Path::new(path).exists()
    {
        return Err(CliError::Usage(format!("{path} does not exist")));
    }
    let source = open(from).await?;
    source.check_schema().await.context("bring the source up to date first")?;
    let target = migrated(to).await?;
    let copied = Box::pin(target.copy_from(&source, |_| {})).await.context("nothing is moved")?;
    source.close().await;
    target.close().await;
    print(&copied);
    let wrong = copied.iter().filter(|table| !table.is_same()).count();
    let rows: u64 = copied.iter().map(|table| table.source.rows).sum();
    if wrong > 0 {
        out::note(&format!("{wrong} tables differ: drop the target and look at its log"));
        return Err(CliError::No);
    }
    out::line(&format!("{rows} rows of {} tables are in {}", copied.len(), shown(to)));
    Ok(())
}

fn print(copied: &[CopiedTable]) {
    let head = ["table", "rows", "sum", "same"].map(str::to_owned);
    let mut lines = vec![head.to_vec()];
    for table in copied.iter().filter(|table| table.source.rows + table.target.rows > 0) {
        let same = if table.is_same() { "yes" } else { "NO" };
        lines.push(vec![
            table.name.to_owned(),
            table.target.rows.to_string(),
            format!("{:032x}", table.target.sum),
            same.to_owned(),
        ]);
    }
    out::table(&lines);
}
