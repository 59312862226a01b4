//! `gamma up`: daemon and control plane in one process on embedded stores. The only file that names
//! `daemon`.
//!
//! # Why one process
//!
//! Both programs meet in logs on disk, so nothing here is special: the catalog is a journal that
//! the control plane writes and the daemon follows, clicks and inbound are a journal the other way
//! round.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use model::clock::Clock;
use model::clock::SystemClock;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use settings::Layers;
use settings::SettingsError;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::app;
use crate::app::ControlPlane;
use crate::cli::CliError;
use crate::cli::Up;
use crate::cli::out;
use crate::config::Config;
use crate::demo::Demo;
use crate::lanes::Lanes;
use crate::secret_file;
use crate::telemetry;

/// How often the daemon is asked whether its journal has failed for good.
const FAILURE_CHECK: Duration = Duration::from_secs(1);

/// Configuration of both programs.
#[derive(Debug)]
pub struct Settings {
    /// The control plane's.
    pub control: Config,
    daemon: daemon::config::Config,
}

impl Settings {
    /// Reads both programs' sections and refuses every other one.
    ///
    /// # Errors
    /// [`SettingsError`] naming file, key and reason.
    pub fn take(mut layers: Layers) -> Result<Self, SettingsError> {
        let control = Config::take(&mut layers)?;
        let daemon = daemon::config::Config::take(&mut layers)?;
        layers.finish()?;
        Ok(Self { control, daemon })
    }

    /// The effective configuration as TOML. The one secret in it, the database's password, is left
    /// out.
    #[must_use]
    pub fn print(&self) -> String {
        let control = toml::to_string(&self.control).unwrap_or_default();
        format!("{control}\n{}", self.daemon.print())
    }

    /// Where both programs listen, with a name for each.
    #[must_use]
    pub fn addresses(&self) -> [(&'static str, SocketAddr); 4] {
        [
            ("daemon", self.daemon.daemon.listen),
            ("daemon admin", self.daemon.daemon.admin_listen),
            ("control", self.control.control.listen),
            ("control admin", self.control.control.admin_listen),
        ]
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`CliError::Config`] before anything is touched; [`CliError::Internal`] when something cannot
/// start.
pub fn run(args: &Up) -> Result<(), CliError> {
    let settings = Settings::take(crate::config::layers(args.place.config.as_deref())?)?;
    telemetry::start_logs(&settings.control.log);
    let data_dir = args.place.data_dir();
    app::block_on(serve(settings, data_dir, args.demo)).map_err(CliError::from)
}

async fn serve(settings: Settings, data_dir: PathBuf, demo: bool) -> anyhow::Result<()> {
    make_directory(&data_dir)?;
    let metrics = telemetry::metrics()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let control = &settings.control;

    // Stores, and what the first start makes in them.
    let store = app::open_store(&control.db_url(&data_dir), &*clock).await?;
    let key_path = data_dir.join("admin.key");
    let admin_key = app::admin_key(&store, &key_path, &*clock).await?;

    // Logs on disk between the two programs.
    let catalog = open_catalog(&data_dir, Arc::clone(&clock)).await?;
    let catalog_lane = catalog.lane(&app::catalog_lane()?).context("the catalog has no lane")?;
    let mut daemon_config = settings.daemon.clone();
    daemon_config.data_dir.clone_from(&data_dir);
    let (running, catalog_lane) =
        start_daemon(daemon_config, Arc::clone(&clock), catalog_lane).await?;

    // The control plane over them.
    let public_url = settings.daemon.public_url(running.address());
    let lanes = Lanes::new(|lane| running.lane(lane))?;
    let plane = ControlPlane::start(app::Parts {
        config: control.clone(),
        store: store.clone(),
        clock: Arc::clone(&clock),
        catalog: catalog_lane,
        lanes,
        missing: missing(running.recovery()),
        public_url,
        metrics,
    })
    .await?;
    let addresses = Addresses {
        daemon: running.address(),
        daemon_admin: running.admin_address(),
        plane: &plane,
    };
    addresses.write(&data_dir)?;
    greet(&addresses, &key_path);
    if demo {
        let shown = show_demo(&plane, &admin_key, &data_dir).await?;
        out::line(&shown.commands(
            &format!("http://{}", addresses.daemon),
            &format!("http://{}", plane.address()),
            &key_path.display().to_string(),
        ));
    }

    let failed = wait_for_end(&running).await?;
    // From here on nothing new is taken; what was taken is finished, inside out.
    let _ = std::fs::remove_file(data_dir.join("addresses.json"));
    plane.begin_drain();
    running.begin_drain();
    plane.stop().await?;
    tokio::task::spawn_blocking(move || running.drain())
        .await?
        .context("the daemon did not drain")?;
    tokio::task::spawn_blocking(move || catalog.close())
        .await?
        .context("the catalog did not close")?;
    store.close().await;
    if failed {
        anyhow::bail!("the journal cannot write: look at the disk, then start again");
    }
    Ok(())
}

fn make_directory(data_dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))
}

async fn open_catalog(data_dir: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<journal::Journal> {
    let root = data_dir.join("catalog");
    let environment = app::journal_environment(clock);
    let config = app::catalog_config()?;
    let opened =
        tokio::task::spawn_blocking(move || journal::Journal::open(&root, config, environment));
    let (catalog, _report) = opened.await?.context("cannot open the catalog log")?;
    Ok(catalog)
}

async fn start_daemon(
    config: daemon::config::Config,
    clock: Arc<dyn Clock>,
    catalog: journal::LaneHandle,
) -> anyhow::Result<(daemon::app::Running, journal::LaneHandle)> {
    let source = daemon::catalog::file::FileSource::live(catalog.clone());
    let parts = daemon::app::Parts {
        clock: Arc::clone(&clock),
        rng: Arc::new(StdRng::from_os_rng),
        catalog: Box::new(source),
        environment: app::journal_environment(clock),
        journal: config.journal.to_lanes(),
    };
    let started = tokio::task::spawn_blocking(move || daemon::app::App::start(config, parts));
    Ok((started.await?.context("the daemon cannot start")?, catalog))
}

/// Inbound sequences that were once confirmed and that the journal reports as lost.
fn missing(report: &journal::RecoveryReport) -> u64 {
    let inbound = report.lanes.iter().filter(|lane| lane.lane == journal::Lane::Inbound);
    inbound.map(|lane| crate::evidence::lost_records(&lane.damage)).sum()
}

struct Addresses<'a> {
    daemon: SocketAddr,
    daemon_admin: SocketAddr,
    plane: &'a ControlPlane,
}

impl Addresses<'_> {
    /// Written last: whoever sees the file may talk to every listener.
    fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let text = json!({
            "daemon": self.daemon.to_string(),
            "daemon_admin": self.daemon_admin.to_string(),
            "control": self.plane.address().to_string(),
            "control_admin": self.plane.admin_address().to_string(),
        });
        secret_file::write(&data_dir.join("addresses.json"), &text.to_string())
            .context("cannot write addresses.json")
    }
}

fn greet(addresses: &Addresses<'_>, key_path: &Path) {
    out::line(&format!(
        "Gamma is up.\n\n  console and API  http://{}\n  redirects        http://{}\n  \
         metrics          http://{}/metrics  http://{}/metrics\n  admin key        {}\n",
        addresses.plane.address(),
        addresses.daemon,
        addresses.daemon_admin,
        addresses.plane.admin_address(),
        key_path.display(),
    ));
}

async fn show_demo(plane: &ControlPlane, admin_key: &str, data_dir: &Path) -> anyhow::Result<Demo> {
    let path = data_dir.join("demo.json");
    if let Some(demo) = Demo::load(&path) {
        return Ok(demo);
    }
    let demo = Demo::make(plane, admin_key, data_dir).await?;
    demo.save(&path)?;
    Ok(demo)
}

/// Waits for a signal to end, or for the journal to fail for good; `true` for the latter.
async fn wait_for_end(running: &daemon::app::Running) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let mut look = tokio::time::interval(FAILURE_CHECK);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(false),
            _ = interrupt.recv() => return Ok(false),
            _ = hang_up.recv() => {}
            _ = look.tick() => if running.is_failed() { return Ok(true) },
        }
    }
}
