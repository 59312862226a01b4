//! Configuration of the control plane: one struct per room, defaults in the code, the only reader
//! of the environment.
//!
//! `config/gamma.toml` lists every key with its default, unit and limit; a test compares the two.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use model::money::Currency;
use model::money::Money;
use serde::Deserialize;
use serde::Serialize;
use settings::Layers;
use settings::SettingsError;

/// Sections of the file that belong to the daemon: `gamma up` hands them on, `gamma serve` leaves
/// them alone.
pub const DAEMON_SECTIONS: &[&str] = &["daemon", "journal"];

/// Everything the control plane is told from outside.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Config {
    /// `[control]`: where it listens.
    pub control: Control,
    /// `[db]`: where rows are kept.
    pub db: Db,
    /// `[pipeline]`: how records become money.
    pub pipeline: Pipeline,
    /// `[payout]`: how available money leaves.
    pub payout: Payout,
    /// `[advance]`: what factoring costs, and how much of it there may be.
    pub advance: Advance,
    /// `[log]`: what is written to standard error.
    pub log: Log,
}

/// Where the API and the operators' listener are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// API, documentation, console.
    pub listen: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`.
    pub admin_listen: SocketAddr,
    /// How long requests in flight may take after SIGTERM, in seconds; 1 to 300.
    pub drain_seconds: u64,
}

/// Where rows are kept.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Db {
    /// `sqlite:///path/to/gamma.db` or `postgres://login:password@host/database`; empty: `gamma.db`
    /// in the data directory. Shown without login and password.
    #[serde(serialize_with = "without_password")]
    pub url: String,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Db").field("url", &store::unit::shown(&self.url)).finish()
    }
}

fn without_password<S: serde::Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&store::unit::shown(url))
}

/// How records become money.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pipeline {
    /// How often the ledger checks run, in seconds; 1 to 86400.
    pub audit_interval_seconds: u64,
}

/// How available money leaves.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payout {
    /// Decimal text: a run above it waits for a second person.
    pub second_person_above: String,
    /// Where the provider of the rail `webhook` listens; empty: there is no such rail.
    pub webhook_url: String,
    /// Signs what is sent to it. Shown masked.
    #[serde(serialize_with = "masked")]
    pub webhook_signing_key: String,
    /// Whether that provider promises that one id never pays twice.
    pub webhook_idempotent: bool,
}

impl std::fmt::Debug for Payout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Payout")
            .field("second_person_above", &self.second_person_above)
            .finish_non_exhaustive()
    }
}

impl Default for Payout {
    fn default() -> Self {
        Self {
            second_person_above: "1000000.00".to_owned(),
            webhook_url: String::new(),
            webhook_signing_key: String::new(),
            webhook_idempotent: false,
        }
    }
}

fn masked<S: serde::Serializer>(secret: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.is_empty() { "" } else { "***" })
}

/// What factoring costs, and how much of it there may be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Advance {
    /// Part of an advance, in hundredths of a percent; 0 to 10000.
    pub fee_bp: u32,
    /// Decimal text: what one publisher may have outstanding.
    pub publisher_limit: String,
    /// Decimal text: what may be outstanding on one advertiser's orders.
    pub advertiser_limit: String,
}

impl Default for Advance {
    fn default() -> Self {
        Self {
            fee_bp: 100,
            publisher_limit: "500000.00".to_owned(),
            advertiser_limit: "5000000.00".to_owned(),
        }
    }
}

/// What is written to standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter such as `info` or `warn,control_plane=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: String,
}

impl Default for Control {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self { listen: loopback(8090), admin_listen: loopback(9102), drain_seconds: 10 }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self { audit_interval_seconds: 60 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_owned(), format: "text".to_owned() }
    }
}

impl Config {
    /// Takes the control plane's sections out of `layers` and checks them.
    ///
    /// # Errors
    /// [`SettingsError`] naming file, key and reason.
    pub fn take(layers: &mut Layers) -> Result<Self, SettingsError> {
        let config = Self {
            control: layers.take("control", &[])?,
            db: layers.take("db", &["url"])?,
            pipeline: layers.take("pipeline", &[])?,
            payout: layers.take("payout", &["webhook_signing_key"])?,
            advance: layers.take("advance", &[])?,
            log: layers.take("log", &[])?,
        };
        config.validate(layers)?;
        Ok(config)
    }

    fn validate(&self, layers: &Layers) -> Result<(), SettingsError> {
        let within = |key: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(layers.refused(key, &format!("{value} is not between {least} and {most}")))
            }
        };
        within("control.drain_seconds", self.control.drain_seconds, 1, 300)?;
        within("pipeline.audit_interval_seconds", self.pipeline.audit_interval_seconds, 1, 86_400)?;
        within("advance.fee_bp", self.advance.fee_bp.into(), 0, 10_000)?;
        let Payout { second_person_above, webhook_url, webhook_signing_key, .. } = &self.payout;
        let Advance { publisher_limit, advertiser_limit, .. } = &self.advance;
        for (key, amount) in [
            ("payout.second_person_above", second_person_above),
            ("advance.publisher_limit", publisher_limit),
            ("advance.advertiser_limit", advertiser_limit),
        ] {
            if let Err(error) = Money::parse(amount, Currency::KZT) {
                return Err(layers.refused(key, &error.to_string()));
            }
        }
        if !webhook_url.is_empty() && webhook_signing_key.is_empty() {
            return Err(layers.refused("payout.webhook_signing_key", "is needed with webhook_url"));
        }
        let schemes = ["sqlite:", "postgres://", "postgresql://"];
        let is_known = schemes.iter().any(|scheme| self.db.url.starts_with(scheme));
        if !self.db.url.is_empty() && !is_known {
            return Err(layers.refused("db.url", "is no sqlite:// or postgres:// address"));
        }
        if !["text", "json"].contains(&self.log.format.as_str()) {
            return Err(layers.refused("log.format", "is neither text nor json"));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.level) {
            return Err(layers.refused("log.level", &error.to_string()));
        }
        Ok(())
    }

    /// The database's address; in the data directory when none is configured.
    #[must_use]
    pub fn db_url(&self, data_dir: &Path) -> String {
        if self.db.url.is_empty() {
            format!("sqlite://{}", data_dir.join("gamma.db").display())
        } else {
            self.db.url.clone()
        }
    }

    /// How long requests in flight may take after SIGTERM.
    #[must_use]
    pub const fn drain_within(&self) -> Duration {
        Duration::from_secs(self.control.drain_seconds)
    }
}

/// The layers below the flags: the file, if one is named, and the environment.
///
/// # Errors
/// [`SettingsError`] for a file that cannot be read.
pub fn layers(file: Option<&Path>) -> Result<Layers, SettingsError> {
    Layers::read(file, std::env::vars())
}

/// Where the embedded stores are when no flag says otherwise.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    PathBuf::from("./gamma-data")
}

/// A safeguard that a test run asks to have switched off. Debug builds only: a release build has no
/// such door.
#[must_use]
pub fn test_mutation() -> Option<String> {
    if cfg!(debug_assertions) { read_mutation() } else { None }
}

#[expect(clippy::disallowed_methods, reason = "this file is the only reader of the environment")]
fn read_mutation() -> Option<String> {
    std::env::var("GAMMA_TEST_MUTATION").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_says_the_compiled_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/gamma.toml");
        let mut layers = Layers::read(Some(&file), []).unwrap();
        let shipped = Config::take(&mut layers).unwrap();
        layers.finish().unwrap();
        let text = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(text(&shipped), text(&Config::default()));
        let listed: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let compiled: toml::Table = text(&Config::default()).parse().unwrap();
        assert_eq!(listed, compiled, "every key is listed");
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://gamma:secret@db.example/gamma?password=secret".to_owned();
        let config = Config { db: Db { url }, ..Config::default() };
        for shown in [toml::to_string(&config).unwrap(), format!("{config:?}")] {
            assert!(shown.contains("postgres://db.example/gamma"), "{shown}");
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn refusals_name_the_key() {
        for (variable, key) in [
            ("GAMMA__CONTROL__DRAIN_SECONDS=0", "control.drain_seconds"),
            ("GAMMA__PIPELINE__AUDIT_INTERVAL_SECONDS=0", "pipeline.audit_interval_seconds"),
            ("GAMMA__LOG__FORMAT=xml", "log.format"),
            ("GAMMA__DB__URL=mysql://x", "db.url"),
            ("GAMMA__CONTROL__LISTN=x", "control.listn"),
            ("GAMMA__PAYOUT__SECOND_PERSON_ABOVE=much", "payout.second_person_above"),
            ("GAMMA__PAYOUT__WEBHOOK_URL=http://p.example/", "payout.webhook_signing_key"),
            ("GAMMA__ADVANCE__FEE_BP=10001", "advance.fee_bp"),
        ] {
            let (name, value) = variable.split_once('=').unwrap();
            let mut layers = Layers::read(None, [(name.to_owned(), value.to_owned())]).unwrap();
            let error = Config::take(&mut layers).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
