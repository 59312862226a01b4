//! The daemon as it is shipped, on a directory of its own, with one redirect thread.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use daemon::app::App;
use daemon::app::Parts;
use daemon::catalog::source::MemorySource;
use daemon::config::Config;
use journal::Environment;
use journal::NoObserver;
use journal::RealStorage;
use journal::SyncMode;
use model::clock::Clock;
use model::clock::SystemClock;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::clock;
use crate::serve::setting;
use crate::usage;

/// Loading a million links takes seconds.
const CATALOG_WITHIN: Duration = Duration::from_mins(2);
/// How often the disk is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(50);

/// How the daemon is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The core for all of its threads; `None`: wherever.
    pub core: Option<usize>,
    /// Links in its catalog.
    pub links: u64,
    /// Whether a receipt waits for fdatasync.
    pub is_durable: bool,
    /// Where its journal lies.
    pub directory: &'a Path,
}

/// Serves until the process is ended.
///
/// # Errors
///
/// The daemon does not start, or does not take its catalog in time.
pub fn serve(settings: &Settings<'_>) -> anyhow::Result<()> {
    if let Some(core) = settings.core {
        usage::pin(core);
    }
    let snapshot = settings.directory.join("daemon").join("catalog.snapshot");
    let mut config = Config { data_dir: settings.directory.to_path_buf(), ..Config::default() };
    config.daemon.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.daemon.admin_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.daemon.threads = 1;
    let (source, catalog) = MemorySource::new();
    let mut last = 0;
    for entry in setting::entries(settings.links) {
        last = catalog.push(entry);
    }
    let mut lanes = config.journal.to_lanes();
    if !settings.is_durable {
        for lane in &mut lanes.lanes {
            lane.sync = SyncMode::Off;
        }
    }
    let parts = Parts {
        clock: Arc::new(SystemClock),
        rng: Arc::new(StdRng::from_os_rng),
        catalog: Box::new(source),
        environment: environment(),
        journal: lanes,
    };
    let running = App::start(config, parts).context("the daemon does not start")?;
    anyhow::ensure!(running.wait_for_catalog(last, CATALOG_WITHIN), "the catalog did not arrive");
    wait_for_snapshot(&snapshot)?;
    setting::announce(running.address())?;
    loop {
        thread::park();
    }
}

/// A daemon that took a large catalog in saves it a few seconds later, once. That is no part of a
/// redirect, so nothing is measured before.
fn wait_for_snapshot(path: &Path) -> anyhow::Result<()> {
    let begin = clock::now();
    while !path.exists() {
        anyhow::ensure!(begin.elapsed() < CATALOG_WITHIN, "the catalog was not saved");
        thread::sleep(LOOK);
    }
    Ok(())
}

struct WallTime(std::time::Instant);

impl journal::Time for WallTime {
    fn wall_micros(&self) -> i64 {
        SystemClock.now().0
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn environment() -> Environment {
    Environment {
        storage: Arc::new(RealStorage::new()),
        time: Arc::new(WallTime(clock::now())),
        entropy: Arc::new(|| rand::Rng::random(&mut StdRng::from_os_rng())),
        observer: Arc::new(NoObserver),
    }
}
