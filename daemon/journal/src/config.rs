//! Lanes, their limits and what the composition root hands in.
//!
//! Every limit has a unit in its name; [`LaneConfig::validate`] is run by
//! [`Journal::open`](crate::Journal::open), so a journal never runs with limits that contradict
//! each other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::observer::JournalObserver;
use crate::storage::Storage;

/// Segments are planned in pages, so that a header can say its length in 16 bits.
pub const PAGE_BYTES: u64 = 4096;
/// Smallest and largest segment.
pub const SEGMENT_BYTES_MIN: u64 = 2 * PAGE_BYTES;
pub const SEGMENT_BYTES_MAX: u64 = 128 << 20;
/// Largest payload any lane may allow.
pub const PAYLOAD_BYTES_MAX: u32 = 1 << 20;
/// Longest name of a named lane or a cursor, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Quotas are at least this many segments, or the ladder would have no steps.
pub const QUOTA_SEGMENTS_MIN: u64 = 4;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Which stream of records. Each lane has its own directory, quota, sequence and writer thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Everything an outside system told us; answered after the sync.
    Inbound,
    /// Every click; answered at once.
    Clicks,
    /// Facts about this daemon and about the journal itself.
    Control,
    /// Any other log of the same kind, such as the published catalog.
    Named(Arc<str>),
}

/// Whether anything is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    #[default]
    Full,
    /// Nothing is synced and a receipt proves nothing. Exists so that a benchmark can say what
    /// durability costs; never for data that somebody relies on.
    Off,
}

/// A safeguard switched off, so that a test can show that it is needed.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    AckBeforeSync,
    SkipDirSync,
    WeakChecksum,
    ResyncPoisoned,
    TrustPageCache,
}

/// Limits of one lane. Start from [`LaneConfig::inbound`] and its siblings.
#[derive(Debug, Clone)]
pub struct LaneConfig {
    pub lane: Lane,
    /// Planned length of a segment; a multiple of 4 KiB.
    pub segment_bytes: u64,
    /// Length of the first segment after a start: small, so that starting is quick.
    pub first_segment_bytes: u64,
    /// Longest payload of one record.
    pub payload_bytes_max: u32,
    /// What the lane may take on disk, the reserve apart.
    pub quota_bytes: u64,
    /// Allocated at start and used only when the quota or the disk is exhausted; whole segments.
    pub reserve_bytes: u64,
    /// Records and payload bytes that may wait for the writer.
    pub queue_records_max: usize,
    pub queue_bytes_max: usize,
    /// Extra time given to a group to grow before it is written.
    pub group_delay: Duration,
    /// A record without a receipt is written within this time, unless a sync is running...
    pub write_within: Duration,
    /// ...and synced within this.
    pub sync_within: Duration,
    /// Consumed records are kept at least this long, for consumers that must go back.
    pub replay_window: Duration,
    /// Keep everything until the first cursor exists.
    pub keep_without_cursors: bool,
    pub sync: SyncMode,
    #[doc(hidden)]
    pub mutation: Option<Mutation>,
}

/// The lanes of one journal and what runs beside them.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    pub lanes: Vec<LaneConfig>,
    /// Rate at which sealed segments are read again in the background; 0 switches it off.
    pub scrub_bytes_per_second: u64,
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("lane {0} is configured twice")]
    Twice(Lane),
    #[error("{0} is not a name of 1 to 64 characters a-z, 0-9, - and _, starting with a letter")]
    Name(String),
    #[error("lane {lane}: {limit} is out of range")]
    Limit { lane: Lane, limit: &'static str },
}

/// Wall clock for what is stored, monotonic clock for what is paced.
pub trait Time: Send + Sync {
    /// Microseconds since 1970-01-01 UTC.
    fn wall_micros(&self) -> i64;
    /// Microseconds since any fixed moment; never goes back.
    fn monotonic_micros(&self) -> u64;
}

/// What the composition root hands in: the crate reads no clock, no chance and no disk but these.
#[derive(Clone)]
pub struct Environment {
    pub storage: Arc<dyn Storage>,
    pub time: Arc<dyn Time>,
    /// Uniform 64-bit values for salts and the journal's id.
    pub entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub observer: Arc<dyn JournalObserver>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Environment")
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane of another kind.
    ///
    /// # Errors
    /// [`ConfigError::Name`] unless the name is 1 to 64 characters of a-z, 0-9, `-` and `_`,
    /// starts with a letter and is not one of the built-in ones.
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        let built_in = [Self::Inbound, Self::Clicks, Self::Control];
        if !is_name(name)
            || crate::journal::CURSORS_DIR == name
            || built_in.iter().any(|lane| lane.as_str() == name)
        {
            return Err(ConfigError::Name(name.to_owned()));
        }
        Ok(Self::Named(name.into()))
    }

    /// The lane a directory name stands for.
    pub fn from_dir_name(name: &str) -> Option<Self> {
        match name {
            "inbound" => Some(Self::Inbound),
            "clicks" => Some(Self::Clicks),
            "control" => Some(Self::Control),
            other => Self::named(other).ok(),
        }
    }

    /// Name of the lane, its directory and its metric label.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Inbound => "inbound",
            Self::Clicks => "clicks",
            Self::Control => "control",
            Self::Named(name) => name,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl LaneConfig {
    /// Receipts after the sync, a reserve, 128 KiB records.
    pub fn inbound() -> Self {
        Self {
            lane: Lane::Inbound,
            segment_bytes: 64 * MIB,
            first_segment_bytes: 4 * MIB,
            payload_bytes_max: 128 << 10,
            quota_bytes: 8 * GIB,
            reserve_bytes: 256 * MIB,
            queue_records_max: 65_536,
            queue_bytes_max: 64 << 20,
            group_delay: Duration::ZERO,
            write_within: Duration::from_millis(10),
            sync_within: Duration::from_millis(100),
            replay_window: Duration::from_hours(24),
            keep_without_cursors: true,
            sync: SyncMode::Full,
            mutation: None,
        }
    }

    /// No receipts on the hot path; loss windows of 10 ms (kill) and 100 ms (power).
    pub fn clicks() -> Self {
        Self {
            lane: Lane::Clicks,
            payload_bytes_max: 16 << 10,
            reserve_bytes: 0,
            queue_records_max: 262_144,
            ..Self::inbound()
        }
    }

    /// Small, written rarely, synced with the next inbound sync and at most a second later.
    pub fn control() -> Self {
        Self {
            lane: Lane::Control,
            segment_bytes: MIB,
            first_segment_bytes: 256 * KIB,
            payload_bytes_max: 16 << 10,
            quota_bytes: 64 * MIB,
            reserve_bytes: 4 * MIB,
            queue_records_max: 4_096,
            queue_bytes_max: 4 << 20,
            sync_within: Duration::from_secs(1),
            keep_without_cursors: false,
            ..Self::inbound()
        }
    }

    /// A log of its own, with the limits of the inbound lane and no reserve.
    ///
    /// # Errors
    /// As [`Lane::named`].
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        Ok(Self { lane: Lane::named(name)?, reserve_bytes: 0, ..Self::inbound() })
    }

    /// Checks that the limits fit each other.
    ///
    /// # Errors
    /// [`ConfigError::Limit`] names the first one that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let segments = SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX;
        let largest_record = u64::from(self.payload_bytes_max) + 1024;
        let rules = [
            ("segment_bytes", segments.contains(&self.segment_bytes)),
            ("segment_bytes", self.segment_bytes.is_multiple_of(PAGE_BYTES)),
            ("first_segment_bytes", segments.contains(&self.first_segment_bytes)),
            ("first_segment_bytes", self.first_segment_bytes.is_multiple_of(PAGE_BYTES)),
            ("first_segment_bytes", self.first_segment_bytes <= self.segment_bytes),
            ("payload_bytes_max", (1..=PAYLOAD_BYTES_MAX).contains(&self.payload_bytes_max)),
            ("payload_bytes_max", largest_record <= self.first_segment_bytes),
            ("quota_bytes", self.quota_bytes / QUOTA_SEGMENTS_MIN >= self.segment_bytes),
            ("queue_records_max", self.queue_records_max > 0),
            ("queue_bytes_max", self.queue_bytes_max >= self.payload_bytes_max as usize),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((limit, _)) => Err(ConfigError::Limit { lane: self.lane.clone(), limit }),
            None => Ok(()),
        }
    }
}

impl JournalConfig {
    /// Inbound, clicks and control, as the daemon runs them.
    pub fn daemon() -> Self {
        let lanes = vec![LaneConfig::inbound(), LaneConfig::clicks(), LaneConfig::control()];
        Self { lanes, scrub_bytes_per_second: 5 * MIB }
    }

    /// A journal with one lane.
    pub fn single(lane: LaneConfig) -> Self {
        Self { lanes: vec![lane], scrub_bytes_per_second: 5 * MIB }
    }

    /// Checks every lane and that none is named twice.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (index, lane) in self.lanes.iter().enumerate() {
            lane.validate()?;
            if self.lanes[..index].iter().any(|other| other.lane == lane.lane) {
                return Err(ConfigError::Twice(lane.lane.clone()));
            }
        }
        Ok(())
    }
}

/// True for names that are safe as a file name and as a metric label.
pub(crate) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    name.len() <= NAME_BYTES_MAX
        && characters.next().is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}
