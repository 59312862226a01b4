//! `gamma backup`: a copy of the embedded stores while they are in use.
//!
//! # Why this order
//!
//! What is accepted flows from the journal through the pipeline into the database, and the pipeline
//! lets the journal go by its cursors. Copies are taken one after the other, so each shows its own
//! instant. They are taken against the flow: cursors, database, journal.
//!
//! - The journal is copied after the database, so it holds every record that the database has not
//!   taken: after a restore the pipeline goes on at the database's own offset, and what it meets a
//!   second time the inbox knows. The other way round the database would be ahead: it would wait
//!   for sequences that the journal, going on where its copy ends, gives to new records, and pass
//!   over them as known.
//! - Cursors are copied before the database, so they let go of nothing that the database has not
//!   taken, however old the backup is when it is restored.
//! - The catalog is not copied. It is made from the database, and one of another instant would
//!   serve links that the database does not know, or not know those it has. The first start after a
//!   restore writes it anew, complete.
//!
//! Nothing of this trusts itself: the manifest keeps where each copy stands, and a database that is
//! ahead of its journal is refused.
//!
//! # Why not through the API
//!
//! The instance would have to write into a directory that somebody names over the network. SQLite
//! and the journal both let another process read while one writes, so nobody has to ask.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use journal::CopiedLane;
use journal::Lane;
use journal::RealStorage;
use model::clock::Clock;
use model::clock::SystemClock;
use store::offsets::OffsetRow;
use store::unit::Store;

use crate::app;
use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::out;
use crate::config;
use crate::config::Config;

pub mod manifest;

use manifest::LanePlace;
use manifest::Manifest;

/// Name of the database in a backup.
pub(crate) const DATABASE: &str = "gamma.db";
/// Name of the journal, there and in a data directory.
pub(crate) const JOURNAL: &str = "journal";
/// What a data directory holds besides them that a backup does without: where a running instance
/// listens, and what is made anew from the database.
const LEFT_OUT: [&str; 5] = ["addresses.json", "catalog", "daemon", JOURNAL, DATABASE];

/// How long the control of the drill waits for the database: 30 s.
const OVERTAKEN_POLL: Duration = Duration::from_millis(20);
const OVERTAKEN_POLLS: u32 = 1_500;

/// Flags of `gamma backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    place: Place,
    /// Where the copy goes: a directory that is empty or not there.
    #[arg(long, value_name = "DIR")]
    to: std::path::PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Usage`] for a target in use or stores that are not embedded,
/// [`CliError::Internal`] when something cannot be copied; the target is then no backup.
pub fn run(args: &BackupArgs) -> Result<(), CliError> {
    let mut layers = config::layers(args.place.config.as_deref())?;
    let url = Config::take(&mut layers)?.db_url(&args.place.data_dir());
    let database = embedded(&url)?;
    let data_dir = args.place.data_dir();
    if !data_dir.join(JOURNAL).is_dir() || !database.exists() {
        let what = format!("{} is no data directory of gamma up", data_dir.display());
        return Err(CliError::Usage(what));
    }
    make_empty(&args.to)?;
    let manifest = app::block_on(copy(&url, &data_dir, &args.to))?;
    out::line(&format!(
        "{}: {} files, {}, as of {}",
        args.to.display(),
        manifest.files.len(),
        out::bytes(manifest.bytes()),
        manifest.begun_at
    ));
    Ok(())
}

/// The file behind the address of an embedded database.
pub(crate) fn embedded(url: &str) -> Result<std::path::PathBuf, CliError> {
    let path = url.strip_prefix("sqlite://").ok_or_else(|| {
        let what = "only embedded stores are backed up here; db.url names a server, which has its \
                    own tools (pg_dump, pg_basebackup)";
        CliError::Usage(what.to_owned())
    })?;
    Ok(path.split('?').next().unwrap_or(path).into())
}

/// Makes a directory that only its owner may enter, or takes one that is empty.
pub(crate) fn make_empty(directory: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::DirBuilderExt;
    let is_used = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        return Err(CliError::Usage(format!("{} is not empty", directory.display())));
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make {}", directory.display())).map_err(CliError::from)
}

async fn copy(url: &str, data_dir: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let begun_at = SystemClock.now();
    let journal = data_dir.join(JOURNAL);
    let mutation = config::test_mutation().unwrap_or_default();
    let copied = if mutation.contains("journal_first") {
        let copied = copy_journal(&journal, &to.join(JOURNAL))?;
        overtaken(url, &copied).await?;
        copy_database(url, &to.join(DATABASE)).await?;
        copied
    } else {
        let copy = to.join(JOURNAL);
        journal::copy_cursors(&RealStorage::new(), &journal, &copy).context("cursors")?;
        copy_database(url, &to.join(DATABASE)).await?;
        copy_journal(&journal, &copy)?
    };
    copy_the_rest(data_dir, to).context("cannot copy the files beside the stores")?;
    let topic = journal::journal_id(&RealStorage::new(), &journal)?.unwrap_or_default();
    let offsets = offsets(&format!("sqlite://{}", to.join(DATABASE).display())).await?;
    let lanes: Vec<LanePlace> =
        copied.iter().map(|lane| place_of(lane, &topic, &offsets)).collect();
    if !mutation.contains("unchecked") {
        lanes.iter().try_for_each(LanePlace::check)?;
    }
    let manifest = Manifest::over(to, begun_at, lanes)?;
    manifest.save(to).context("cannot write the manifest")?;
    Ok(manifest)
}

/// SQLite writes the copy and leaves syncing it to us.
async fn copy_database(url: &str, to: &Path) -> anyhow::Result<()> {
    let store = Store::open(url).await.context("cannot open the database")?;
    store.copy_to(to).await.context("cannot copy the database")?;
    store.close().await;
    fs::File::open(to)?.sync_all().context("cannot sync the copy of the database")
}

fn copy_journal(journal: &Path, to: &Path) -> anyhow::Result<Vec<CopiedLane>> {
    journal::copy_records(&RealStorage::new(), journal, to).context("cannot copy the journal")
}

/// For the control of the drill: waits while others work until the database knows more than the
/// copy of the journal, which by itself happens in some of its runs only.
async fn overtaken(url: &str, copied: &[CopiedLane]) -> anyhow::Result<()> {
    for _ in 0..OVERTAKEN_POLLS {
        let offsets = offsets(url).await?;
        let is_passed = copied.iter().any(|lane| {
            let part = lane.lane.as_str();
            lane.lane == Lane::Inbound
                && offsets
                    .iter()
                    .any(|row| row.partition.part == part && row.next > lane.last_seq + 1)
        });
        if is_passed {
            return Ok(());
        }
        tokio::time::sleep(OVERTAKEN_POLL).await;
    }
    anyhow::bail!("the database did not pass the copied journal")
}

/// Keys, and whatever a later version keeps in the data directory.
fn copy_the_rest(data_dir: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data_dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of a database also what stands beside it, and nothing that is only half written.
        let is_left_out = LEFT_OUT.contains(&name.as_str())
            || name.starts_with(DATABASE)
            || Path::new(&name).extension().is_some_and(|extension| extension == "tmp");
        if !is_left_out {
            copy_tree(&entry.path(), &to.join(&name))?;
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return copy_file(from, to);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Copies content and mode, and syncs.
pub(crate) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}

/// Where every consumer of a database is.
async fn offsets(url: &str) -> anyhow::Result<Vec<OffsetRow>> {
    let store = Store::open(url).await?;
    let mut sys = store.read_sys().await?;
    let offsets = sys.offsets().list().await?;
    sys.cancel().await?;
    store.close().await;
    Ok(offsets)
}

fn place_of(copied: &CopiedLane, topic: &str, offsets: &[OffsetRow]) -> LanePlace {
    let lane = copied.lane.as_str();
    let of_lane =
        offsets.iter().filter(|row| row.partition.topic == topic && row.partition.part == lane);
    LanePlace {
        lane: lane.to_owned(),
        first_seq: copied.first_seq,
        last_seq: copied.last_seq,
        next_seq: of_lane.map(|row| row.next).min(),
    }
}
