//! What the journal tells whoever counts: a trait for events, plain structs for snapshots.

use std::fmt::Debug;

use crate::config::Lane;
use crate::record::Shed;
use crate::scan::Damage;

/// Upper bounds of the sync histogram in microseconds; one more bucket holds the rest.
pub const SYNC_BUCKETS_MICROS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// How full a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Level {
    #[default]
    Normal,
    /// From 80 % of the quota: alert; clicks are written in their compact form.
    Alert,
    /// From 90 %: records without receipt are only counted.
    Shedding,
    /// Quota or disk are used up and the reserve is being written.
    Reserve,
    /// Nothing is left; appends are refused until there is room again.
    Full,
}

/// State of a lane, published on every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneState {
    pub level: Level,
    /// A second storage error in a row: nothing is taken any more and the process should end.
    pub failed: bool,
    pub used_bytes: u64,
    pub quota_bytes: u64,
    /// What is left of the reserve.
    pub reserve_bytes: u64,
    /// Segments given up after a failed write or sync since the start.
    pub poisonings: u64,
}

/// One finished group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    pub records: u64,
    pub payload_bytes: u64,
    pub write_micros: u64,
    /// Absent when the group was written and its sync is still to come.
    pub sync_micros: Option<u64>,
}

/// Counters of a lane since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneStats {
    pub records: u64,
    pub payload_bytes: u64,
    pub writes: u64,
    pub syncs: u64,
    pub shed: u64,
    /// Syncs by duration: one count for each of [`SYNC_BUCKETS_MICROS`] and one for longer ones.
    pub sync_buckets: [u64; SYNC_BUCKETS_MICROS.len() + 1],
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Alert => "alert",
            Self::Shedding => "shedding",
            Self::Reserve => "reserve",
            Self::Full => "full",
        }
    }

    pub(crate) fn from_number(number: u8) -> Self {
        let levels = [Self::Normal, Self::Alert, Self::Shedding, Self::Reserve];
        levels.get(usize::from(number)).copied().unwrap_or(Self::Full)
    }
}

impl LaneStats {
    pub(crate) fn count(&mut self, commit: &Commit) {
        self.records += commit.records;
        self.payload_bytes += commit.payload_bytes;
        self.writes += u64::from(commit.records > 0);
        let Some(micros) = commit.sync_micros else { return };
        self.syncs += 1;
        let bucket = SYNC_BUCKETS_MICROS.iter().position(|bound| micros <= *bound);
        self.sync_buckets[bucket.unwrap_or(SYNC_BUCKETS_MICROS.len())] += 1;
    }
}

/// Called on the journal's own threads: count and return.
pub trait JournalObserver: Send + Sync {
    fn committed(&self, lane: &Lane, commit: &Commit) {
        let _ = (lane, commit);
    }
    /// Called on the thread that tried to enqueue.
    fn shed(&self, lane: &Lane, reason: Shed) {
        let _ = (lane, reason);
    }
    fn state_changed(&self, lane: &Lane, state: &LaneState) {
        let _ = (lane, state);
    }
    fn damaged(&self, lane: &Lane, damage: &Damage) {
        let _ = (lane, damage);
    }
    fn trimmed(&self, lane: &Lane, segments: u64) {
        let _ = (lane, segments);
    }
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl JournalObserver for NoObserver {}
