//! `gammad`: arguments, configuration, telemetry, App, drain, exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use daemon::app::App;
use daemon::app::Parts;
use daemon::app::Running;
use daemon::app::system;
use daemon::app::write_addresses;
use daemon::catalog::file::FileSource;
use daemon::config;
use daemon::config::Config;
use daemon::config::Log;
use model::clock::SystemClock;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use settings::SettingsError;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tracing_subscriber::EnvFilter;

/// Exit codes of sysexits.h: EX_CONFIG, and EX_SOFTWARE for anything else that went wrong inside.
const EXIT_CONFIG: u8 = 78;
const EXIT_INTERNAL: u8 = 70;
/// How often the journal is asked whether it has failed for good.
const FAILURE_CHECK: Duration = Duration::from_secs(1);

/// Gamma's daemon: redirects and ingestion.
///
/// Example: gammad --config /etc/gamma/gammad.toml --data-dir /var/lib/gamma
#[derive(Debug, Parser)]
#[command(name = "gammad", version)]
struct Arguments {
    /// Configuration file; every key is listed in config/gammad.toml.
    #[arg(long, value_name = "F")]
    config: Option<PathBuf>,
    /// Where journal and saved catalog lie.
    #[arg(long, value_name = "D", default_value = config::DATA_DIR)]
    data_dir: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let read = read_config(&arguments);
    let Ok((config, log)) = read.inspect_err(|error| complain(error)) else {
        return ExitCode::from(EXIT_CONFIG);
    };
    start_logs(&log);
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(EXIT_INTERNAL)
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a program go to standard error")]
fn complain(error: &dyn std::fmt::Display) {
    eprintln!("gammad: {error}");
}

fn read_config(arguments: &Arguments) -> Result<(Config, Log), SettingsError> {
    let mut layers = config::layers(arguments.config.as_deref())?;
    let mut config = Config::take(&mut layers)?;
    let log = Log::take(&mut layers)?;
    layers.finish()?;
    config.data_dir.clone_from(&arguments.data_dir);
    Ok((config, log))
}

fn start_logs(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if log.format == "json" { builder.json().init() } else { builder.init() }
}

fn run(config: Config) -> anyhow::Result<()> {
    let environment = system::environment();
    let catalog = config.data_dir.join("catalog");
    let data_dir = config.data_dir.clone();
    let parts = Parts {
        clock: Arc::new(SystemClock),
        rng: Arc::new(StdRng::from_os_rng),
        catalog: Box::new(FileSource::offline(Arc::clone(&environment.storage), catalog)),
        environment,
        journal: config.journal.to_lanes(),
    };
    let running = App::start(config, parts)?;
    write_addresses(&data_dir, &running).context("cannot write addresses.json")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let failed = runtime.block_on(wait_for_end(&running))?;
    running.drain()?;
    anyhow::ensure!(!failed, "the journal cannot write: look at the disk, then start again");
    Ok(())
}

/// Until a signal to end, or until the journal has failed for good; `true` for the latter.
async fn wait_for_end(running: &Running) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    // Nothing to read anew yet; ending on it would surprise whoever reloads both programs.
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
