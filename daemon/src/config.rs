//! Configuration of the daemon: one struct per section, defaults in the code, the only reader of
//! the environment.
//!
//! `config/gammad.toml` lists every key with its default, unit and limit; a test compares the two.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use journal::JournalConfig;
use journal::Lane;
use serde::Deserialize;
use serde::Serialize;
use settings::Layers;
use settings::SettingsError;

use crate::listener::slot::Deadlines;
use crate::visitors::VisitorLimits;

pub mod window;

use crate::config::window::Window;

/// Sections that belong to the daemon; `gamma up` hands them on.
pub const SECTIONS: &[&str] = &["daemon", "journal"];

/// Where the embedded stores are when nobody says otherwise.
pub const DATA_DIR: &str = "./gamma-data";

const SECOND_MS: u64 = 1_000;
const DAY_SECONDS: u64 = 86_400;

/// Everything the daemon is told from outside.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// Journal, saved catalog and addresses lie below it. A flag, not a key.
    #[serde(skip)]
    pub data_dir: PathBuf,
    pub daemon: DaemonConfig,
    pub journal: JournalSection,
}

/// `[daemon]`: listeners and honest counting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DaemonConfig {
    /// Redirects and ingestion.
    pub listen: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`.
    pub admin_listen: SocketAddr,
    /// What links and postback addresses begin with; empty: `http://` and the bound address.
    pub public_url: String,
    /// Threads that answer; 0: one per core.
    pub threads: usize,
    pub connections_max: usize,
    pub first_request_ms: u64,
    pub headers_ms: u64,
    pub body_ms: u64,
    pub body_rate_min: u32,
    pub keep_alive_ms: u64,
    pub answer_ms: u64,
    pub drain_ms: u64,
    pub recall_ms: u64,
    pub unique_window: Window,
    pub unique_visitors_max: usize,
    /// Clicks of one address per minute.
    pub visitor_limit: u32,
    pub trusted_proxies: Vec<String>,
    pub link_cache_bytes: u64,
}

/// `[journal]`: what the lanes may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSection {
    pub inbound_quota_bytes: u64,
    pub clicks_quota_bytes: u64,
    pub inbound_reserve_bytes: u64,
    pub segment_bytes: u64,
    pub group_delay_us: u64,
    pub replay_window_seconds: u64,
    pub scrub_bytes_per_second: u64,
}

/// `[log]`: what `gammad` writes to standard error. In `gamma up` the section is the control
/// plane's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter such as `info` or `warn,daemon=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(DATA_DIR),
            daemon: DaemonConfig::default(),
            journal: JournalSection::default(),
        }
    }
}

impl Default for DaemonConfig {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            listen: loopback(8080),
            admin_listen: loopback(9101),
            public_url: String::new(),
            threads: 0,
            connections_max: 16_384,
            first_request_ms: 5 * SECOND_MS,
            headers_ms: 5 * SECOND_MS,
            body_ms: 10 * SECOND_MS,
            body_rate_min: 256,
            keep_alive_ms: 30 * SECOND_MS,
            answer_ms: 30 * SECOND_MS,
            drain_ms: 10 * SECOND_MS,
            recall_ms: 3 * SECOND_MS,
            unique_window: Window(Duration::from_secs(DAY_SECONDS)),
            unique_visitors_max: 1 << 20,
            visitor_limit: 600,
            trusted_proxies: Vec::new(),
            link_cache_bytes: 64 << 20,
        }
    }
}

impl Default for JournalSection {
    fn default() -> Self {
        Self {
            inbound_quota_bytes: 8 << 30,
            clicks_quota_bytes: 8 << 30,
            inbound_reserve_bytes: 256 << 20,
            segment_bytes: 64 << 20,
            group_delay_us: 0,
            replay_window_seconds: DAY_SECONDS,
            scrub_bytes_per_second: 5 << 20,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_owned(), format: "text".to_owned() }
    }
}

impl Config {
    /// Takes the daemon's sections out of `layers` and checks them.
    ///
    /// # Errors
    /// [`SettingsError`] naming file, key and reason.
    pub fn take(layers: &mut Layers) -> Result<Self, SettingsError> {
        let config = Self {
            data_dir: PathBuf::from(DATA_DIR),
            daemon: layers.take("daemon", &[])?,
            journal: layers.take("journal", &[])?,
        };
        config.validate(layers)?;
        Ok(config)
    }

    fn validate(&self, layers: &Layers) -> Result<(), SettingsError> {
        let daemon = &self.daemon;
        let window_seconds = daemon.unique_window.0.as_secs();
        for (key, value, least, most) in [
            ("daemon.threads", daemon.threads as u64, 0, 1024),
            ("daemon.connections_max", daemon.connections_max as u64, 64, 1_000_000),
            ("daemon.first_request_ms", daemon.first_request_ms, 100, 60 * SECOND_MS),
            ("daemon.headers_ms", daemon.headers_ms, 100, 60 * SECOND_MS),
            ("daemon.body_ms", daemon.body_ms, 100, 60 * SECOND_MS),
            ("daemon.body_rate_min", u64::from(daemon.body_rate_min), 0, 65_536),
            ("daemon.keep_alive_ms", daemon.keep_alive_ms, 100, 600 * SECOND_MS),
            ("daemon.answer_ms", daemon.answer_ms, SECOND_MS, 600 * SECOND_MS),
            ("daemon.drain_ms", daemon.drain_ms, 100, 300 * SECOND_MS),
            ("daemon.recall_ms", daemon.recall_ms, 0, 60 * SECOND_MS),
            ("daemon.unique_window", window_seconds, 1, 90 * DAY_SECONDS),
            ("daemon.unique_visitors_max", daemon.unique_visitors_max as u64, 1024, 1 << 30),
            ("daemon.visitor_limit", u64::from(daemon.visitor_limit), 1, 10_000_000),
            ("daemon.link_cache_bytes", daemon.link_cache_bytes, 1 << 20, 1 << 40),
            ("journal.group_delay_us", self.journal.group_delay_us, 0, 1_000),
            (
                "journal.replay_window_seconds",
                self.journal.replay_window_seconds,
                0,
                30 * DAY_SECONDS,
            ),
        ] {
            if !(least..=most).contains(&value) {
                let reason = format!("{value} is not between {least} and {most}");
                return Err(layers.refused(key, &reason));
            }
        }
        if let Some(bad) = daemon.trusted_proxies.iter().find(|range| net(range).is_none()) {
            return Err(
                layers.refused("daemon.trusted_proxies", &format!("{bad:?} is not a CIDR range"))
            );
        }
        let public_url = &daemon.public_url;
        if !public_url.is_empty() && crate::target::fallback(public_url).is_none() {
            return Err(layers.refused("daemon.public_url", "is not an http or https URL"));
        }
        self.journal
            .to_lanes()
            .validate()
            .map_err(|error| layers.refused("journal", &error.to_string()))
    }

    /// The effective configuration as TOML. No key is a secret.
    #[must_use]
    pub fn print(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// What links and postback addresses begin with, without a slash at the end.
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> String {
        match self.daemon.public_url.as_str() {
            "" => format!("http://{bound}"),
            configured => configured.trim_end_matches('/').to_owned(),
        }
    }
}

impl DaemonConfig {
    /// The deadlines of connections.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        let ms = Duration::from_millis;
        let shortest = self.first_request_ms.min(self.headers_ms).min(self.body_ms);
        Deadlines {
            first_request: ms(self.first_request_ms),
            headers: ms(self.headers_ms),
            body: ms(self.body_ms),
            body_rate_min: self.body_rate_min,
            keep_alive: ms(self.keep_alive_ms),
            answer: ms(self.answer_ms),
            linger: ms(2 * SECOND_MS),
            tick: ms(SECOND_MS.min(shortest.min(self.keep_alive_ms) / 4)),
        }
    }

    /// The peers whose forwarded addresses are believed.
    #[must_use]
    pub fn trusted_nets(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|range| net(range)).collect()
    }

    /// The limits of honest counting.
    #[must_use]
    pub const fn visitor_limits(&self) -> VisitorLimits {
        VisitorLimits {
            unique_window: self.unique_window.0,
            visitor_limit: self.visitor_limit,
            unique_visitors_max: self.unique_visitors_max,
        }
    }
}

impl JournalSection {
    /// The lanes inbound, clicks and control with these limits.
    #[must_use]
    pub fn to_lanes(&self) -> JournalConfig {
        let mut config = JournalConfig::daemon();
        config.scrub_bytes_per_second = self.scrub_bytes_per_second;
        for lane in &mut config.lanes {
            lane.replay_window = Duration::from_secs(self.replay_window_seconds);
            let quota_bytes = match lane.lane {
                Lane::Inbound => self.inbound_quota_bytes,
                Lane::Clicks => self.clicks_quota_bytes,
                Lane::Control | Lane::Named(_) => continue,
            };
            lane.quota_bytes = quota_bytes;
            lane.segment_bytes = self.segment_bytes;
            lane.first_segment_bytes = lane.first_segment_bytes.min(self.segment_bytes);
            lane.group_delay = Duration::from_micros(self.group_delay_us);
            if lane.lane == Lane::Inbound {
                lane.reserve_bytes = self.inbound_reserve_bytes;
            }
        }
        config
    }
}

/// A range, or a single address as a range of one.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The layers below the flags: the file, if one is named, and the environment.
///
/// # Errors
/// [`SettingsError`] for a file that cannot be read.
pub fn layers(file: Option<&Path>) -> Result<Layers, SettingsError> {
    Layers::read(file, std::env::vars())
}

impl Log {
    /// Takes the section out of `layers` and checks it.
    ///
    /// # Errors
    /// [`SettingsError`] naming file, key and reason.
    pub fn take(layers: &mut Layers) -> Result<Self, SettingsError> {
        let log: Self = layers.take("log", &[])?;
        if !["text", "json"].contains(&log.format.as_str()) {
            return Err(layers.refused("log.format", "is neither text nor json"));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log.level) {
            return Err(layers.refused("log.level", &error.to_string()));
        }
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_says_the_compiled_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/gammad.toml");
        let mut layers = Layers::read(Some(&file), []).unwrap();
        let shipped = Config::take(&mut layers).unwrap();
        let log = Log::take(&mut layers).unwrap();
        layers.finish().unwrap();
        assert_eq!(shipped.print(), Config::default().print());
        assert_eq!(log, Log::default());
        let listed: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let mut compiled: toml::Table = Config::default().print().parse().unwrap();
        compiled.insert("log".to_owned(), toml::Value::try_from(Log::default()).unwrap());
        assert_eq!(listed, compiled, "every key is listed");
    }

    #[test]
    fn refusals_name_the_key() {
        for (variable, key) in [
            ("GAMMA__DAEMON__LISTN=x", "daemon.listn"),
            ("GAMMA__DAEMON__LISTEN=8080", "daemon.listen"),
            ("GAMMA__DAEMON__VISITOR_LIMIT=0", "daemon.visitor_limit"),
            ("GAMMA__DAEMON__VISITOR_LIMIT=many", "daemon.visitor_limit"),
            ("GAMMA__DAEMON__VISITOR_LIMIT=10000001", "daemon.visitor_limit"),
            ("GAMMA__DAEMON__UNIQUE_WINDOW=never", "daemon.unique_window"),
            ("GAMMA__DAEMON__UNIQUE_WINDOW=1000d", "daemon.unique_window"),
            ("GAMMA__DAEMON__PUBLIC_URL=gamma", "daemon.public_url"),
            ("GAMMA__DAEMON__TRUSTED_PROXIES=[\"x\"]", "daemon.trusted_proxies"),
            ("GAMMA__JOURNAL__SEGMENT_BYTES=5", "journal"),
        ] {
            let (name, value) = variable.split_once('=').unwrap();
            let mut layers = Layers::read(None, [(name.to_owned(), value.to_owned())]).unwrap();
            let error = Config::take(&mut layers).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn links_begin_with_the_configured_url_or_the_bound_address() {
        let bound = SocketAddr::from(([127, 0, 0, 1], 4711));
        let mut config = Config::default();
        assert_eq!(config.public_url(bound), "http://127.0.0.1:4711");
        config.daemon.public_url = "https://go.example/".to_owned();
        assert_eq!(config.public_url(bound), "https://go.example");
    }
}
