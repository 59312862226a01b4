//! `gamma doctor`: one line per thing that can be wrong, and what to do about it.

use std::fs;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journal::RealStorage;
use journal::Storage;
use model::clock::Clock;
use model::clock::SystemClock;
use model::clock::Timestamp;
use store::unit::Store;

use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::client::Instance;
use crate::cli::out;
use crate::up::Settings;

/// Below this much free space intake is at risk: the journal's reserve and a day of clicks.
const FREE_BYTES_MIN: u64 = 2 << 30;
/// This program was written in 2026; a clock before that is wrong.
const EARLIEST_SANE: Timestamp = Timestamp(1_767_225_600_000_000);
/// How long one component may take to compile before it is called slow.
const COMPILE_WITHIN: Duration = Duration::from_secs(20);

/// What one look found.
struct Finding {
    what: &'static str,
    verdict: Result<String, Advice>,
}

struct Advice {
    wrong: String,
    todo: String,
}

fn advice(wrong: impl Into<String>, todo: impl Into<String>) -> Advice {
    Advice { wrong: wrong.into(), todo: todo.into() }
}

/// Runs the command.
///
/// # Errors
/// [`CliError::No`] when something is wrong, [`CliError::Config`] for a configuration that is
/// refused.
pub fn run(place: &Place) -> Result<(), CliError> {
    let settings = Settings::take(crate::config::layers(place.config.as_deref())?)?;
    let data_dir = place.data_dir();
    let findings = crate::app::block_on(look(settings, data_dir))?;
    let mut all_good = true;
    for finding in &findings {
        match &finding.verdict {
            Ok(found) => out::line(&format!("  ok     {:<14} {found}", finding.what)),
            Err(advice) => {
                all_good = false;
                out::line(&format!("  WRONG  {:<14} {}", finding.what, advice.wrong));
                out::line(&format!("         {:<14} -> {}", "", advice.todo));
            }
        }
    }
    if all_good { Ok(()) } else { Err(CliError::No) }
}

async fn look(settings: Settings, data_dir: std::path::PathBuf) -> Result<Vec<Finding>, CliError> {
    let running = Instance::on(&data_dir).await?;
    let mut findings = vec![
        Finding { what: "configuration", verdict: Ok("good".to_owned()) },
        Finding { what: "data directory", verdict: directory(&data_dir) },
        Finding { what: "disk", verdict: disk(&data_dir) },
        Finding { what: "clock", verdict: clock(SystemClock.now()) },
        Finding { what: "database", verdict: database(&settings, &data_dir).await },
    ];
    if let Some(instance) = running {
        let verdict = match instance.get("/v1/me").await {
            Ok(_) => Ok("answers, and its admin key is good".to_owned()),
            Err(error) => Err(advice(error.to_string(), "look at its log, then restart it")),
        };
        findings.push(Finding { what: "instance", verdict });
    } else {
        findings.push(Finding { what: "journal", verdict: journals(&data_dir) });
        for (what, address) in settings.addresses() {
            findings.push(Finding { what, verdict: port(address) });
        }
    }
    findings.push(Finding { what: "plugins", verdict: plugins().await });
    Ok(findings)
}

fn directory(data_dir: &Path) -> Result<String, Advice> {
    let shown = data_dir.display();
    let Ok(found) = fs::metadata(data_dir) else {
        return Ok(format!("{shown} does not exist yet; gamma up makes it"));
    };
    if !found.is_dir() {
        return Err(advice(format!("{shown} is not a directory"), "name another with --data-dir"));
    }
    let probe = data_dir.join(".doctor");
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| {
        advice(format!("{shown} cannot be written: {error}"), "give it to the user that runs gamma")
    })?;
    let key = data_dir.join("admin.key");
    if let Ok(found) = fs::metadata(&key) {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let wrong = format!("{} can be read by others (mode {mode:o})", key.display());
            return Err(advice(wrong, format!("chmod 600 {}", key.display())));
        }
    }
    Ok(format!("{shown} can be written"))
}

fn disk(data_dir: &Path) -> Result<String, Advice> {
    let mut place = data_dir;
    while !place.exists() {
        place = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
    }
    let found = rustix::fs::statvfs(place)
        .map_err(|error| advice(format!("cannot be asked: {error}"), "check the mount"))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free < FREE_BYTES_MIN {
        let wrong = format!("only {} free", out::bytes(free));
        return Err(advice(wrong, "free some space, or point --data-dir at a larger disk"));
    }
    Ok(format!("{} free", out::bytes(free)))
}

fn clock(now: Timestamp) -> Result<String, Advice> {
    if now < EARLIEST_SANE {
        return Err(advice("the clock stands before 2026", "set it: click ids carry the time"));
    }
    Ok("plausible".to_owned())
}

async fn database(settings: &Settings, data_dir: &Path) -> Result<String, Advice> {
    let url = settings.control.db_url(data_dir);
    if let Some(path) = url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        return Ok("does not exist yet; gamma up makes it".to_owned());
    }
    let failed = |error: store::error::StoreError| {
        let todo = "gamma migrate; else check the address, or restore a backup of a damaged file";
        advice(format!("{error}"), todo)
    };
    let store = Store::open(&url).await.map_err(failed)?;
    let checked = store.check_schema().await;
    store.close().await;
    checked.map_err(failed)?;
    Ok("opens, schema is up to date".to_owned())
}

fn journals(data_dir: &Path) -> Result<String, Advice> {
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    let mut records = 0;
    for name in ["journal", "catalog"] {
        let dir = data_dir.join(name);
        if !dir.exists() {
            continue;
        }
        let summary = journal::verify(&*storage, &dir)
            .map_err(|error| advice(format!("{}: {error}", dir.display()), "check the disk"))?;
        for lane in &summary.lanes {
            records += lane.records;
            if !lane.damage.is_empty() {
                let wrong = format!("{}: {} damaged ranges", lane.lane.as_str(), lane.damage.len());
                let todo =
                    format!("gamma journal verify {} shows them; start skips them", dir.display());
                return Err(advice(wrong, todo));
            }
        }
    }
    Ok(format!("{records} records, no damage"))
}

fn port(address: SocketAddr) -> Result<String, Advice> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) => {
            let todo = "stop what listens there, or configure another address";
            Err(advice(format!("{address}: {error}"), todo))
        }
    }
}

async fn plugins() -> Result<String, Advice> {
    let host = crate::app::plugin_host(Arc::new(plugin_host::MetricsObserver))
        .map_err(|error| advice(format!("{error:#}"), "report it: the host itself must start"))?;
    let names: Vec<&str> = bundle::guests().iter().map(|guest| guest.name).collect();
    let waited = tokio::task::spawn_blocking({
        let (host, names) = (host.clone(), names.clone());
        move || names.into_iter().find(|name| !host.wait_ready(name, COMPILE_WITHIN))
    });
    match waited.await {
        Ok(None) => Ok(format!("{} compile: {}", names.len(), names.join(", "))),
        Ok(Some(name)) => {
            Err(advice(format!("{name} does not compile"), "gamma up logs the reason"))
        }
        Err(error) => Err(advice(error.to_string(), "report it")),
    }
}
