//! `gamma audit`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use journal::Lane;
use journal::Reader;
use journal::RealStorage;
use journal::Storage;
use model::clock::Clock;
use model::clock::SystemClock;
use serde_json::Value;
use serde_json::json;

use crate::app;
use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::backup::manifest::LanePlace;
use crate::cli::client::Instance;
use crate::cli::out;
use crate::config::Config;
use crate::evidence::OfflineEvidence;
use crate::evidence::Settled;
use crate::evidence::lost_records;
use crate::settle::audit;
use crate::settle::audit::CheckResult;
use crate::settle::audit::settled_before;

/// Flags of `gamma audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    place: Place,
    /// Address of a running instance, instead of a data directory.
    #[arg(long, requires = "key")]
    url: Option<String>,
    /// API key for that instance.
    #[arg(long, requires = "url")]
    key: Option<String>,
    /// Print the checks as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::No`] when a check is not zero.
pub fn run(args: &AuditArgs) -> Result<(), CliError> {
    let checks = app::block_on(checks(args))?;
    if args.json {
        out::line(&checks.to_string());
    } else {
        print(&checks);
    }
    verdict(&checks)
}

fn verdict(checks: &Value) -> Result<(), CliError> {
    let rows = checks["data"].as_array().map_or(&[][..], Vec::as_slice);
    let all_zero = !rows.is_empty() && rows.iter().all(|row| row["value"].as_i64() == Some(0));
    if all_zero { Ok(()) } else { Err(CliError::No) }
}

/// Audits a data directory that was just brought back: what its database says it has taken, against
/// the journal. What it has not taken yet is not late; the next start takes it.
///
/// # Errors
/// [`CliError::No`] when a check is not zero.
pub(crate) async fn of_backup(place: &Place, lanes: &[LanePlace]) -> Result<(), CliError> {
    let inbound = lanes.iter().find(|place| place.lane == Lane::Inbound.as_str());
    let taken = inbound.and_then(|place| place.next_seq).map_or(0, |next| next.saturating_sub(1));
    let checks = offline(place, Settled::UpTo(taken)).await?;
    print(&checks);
    verdict(&checks)
}

async fn checks(args: &AuditArgs) -> Result<Value, CliError> {
    if let (Some(url), Some(key)) = (&args.url, &args.key) {
        return Instance::at(url, key)?.get("/v1/audit/checks").await;
    }
    if let Some(instance) = Instance::on(&args.place.data_dir()).await? {
        return instance.get("/v1/audit/checks").await;
    }
    offline(&args.place, Settled::Before(settled_before(SystemClock.now()))).await
}

/// The checks on a data directory where nothing runs.
async fn offline(place: &Place, settled: Settled) -> Result<Value, CliError> {
    let mut layers = crate::config::layers(place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let data_dir = place.existing_data_dir()?;
    let store = app::open_store(&config.db_url(&data_dir), &SystemClock).await?;
    let evidence = evidence(&data_dir.join("journal"), settled)?;
    let checks = audit::run(&store, &evidence).await.context("the checks cannot run")?;
    store.close().await;
    let row = |check: &CheckResult| {
        let CheckResult { check, value, detail } = check;
        json!({"check": check, "value": value, "detail": detail})
    };
    Ok(json!({"data": checks.iter().map(row).collect::<Vec<Value>>()}))
}

fn evidence(root: &Path, settled: Settled) -> anyhow::Result<OfflineEvidence> {
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    let topic = journal::journal_id(&*storage, root)?.unwrap_or_default();
    let summary = journal::verify(&*storage, root).context("the journal cannot be read")?;
    let inbound = summary.lanes.iter().filter(|lane| lane.lane == Lane::Inbound);
    let missing = inbound.map(|lane| lost_records(&lane.damage)).sum();
    let lane = Reader::open_dir(storage, root, Lane::Inbound, 1)?;
    Ok(OfflineEvidence::read(topic, lane, settled, missing))
}

fn print(checks: &Value) {
    let mut rows = vec![vec!["check".to_owned(), "value".to_owned(), "what".to_owned()]];
    for row in checks["data"].as_array().map_or(&[][..], Vec::as_slice) {
        let text = |name: &str| match &row[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        rows.push(vec![text("check"), text("value"), text("detail")]);
    }
    out::table(&rows);
}
