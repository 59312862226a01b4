//! What goes in and what comes out.

use bytes::Bytes;

/// First kind the journal keeps for facts about itself, written into the control lane.
pub const KIND_FACT_MIN: u8 = 0xe0;
/// First kind of the framing inside a segment; never seen by a reader.
pub(crate) const KIND_FRAMING_MIN: u8 = 0xf0;

/// One record before it has a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the payload is; below [`KIND_FACT_MIN`].
    pub kind: u8,
    /// Free for the owner of the kind.
    pub flags: u8,
    /// Microseconds since 1970-01-01 UTC.
    pub received_at: i64,
    /// At least one byte and at most the lane's cap.
    pub payload: &'a [u8],
}

/// One record as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Position in the lane, from 1, rising by one; holes are reported as missing.
    pub seq: u64,
    pub kind: u8,
    pub flags: u8,
    pub received_at: i64,
    pub payload: Bytes,
}

/// Sequences `first..=last`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqRange {
    pub first: u64,
    pub last: u64,
}

impl SeqRange {
    /// `None` when the range would be empty.
    pub fn new(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// How many sequences are in the range.
    pub fn count(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    pub fn contains(self, seq: u64) -> bool {
        (self.first..=self.last).contains(&seq)
    }
}

/// Why a record was not taken, or not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AppendError {
    #[error("the payload is empty")]
    Empty,
    #[error("the payload is larger than the lane allows")]
    TooLarge,
    #[error("the kind is kept for the journal")]
    ReservedKind,
    /// The queue is full: answer 503 and let the sender retry.
    #[error("too many records wait for the disk")]
    Busy,
    /// Quota, reserve or disk are used up: answer 503; intake returns by itself.
    #[error("the lane has no room")]
    Full,
    /// The sync that should have covered the record failed. The record may still turn up.
    #[error("the disk could not confirm the record")]
    Poisoned,
    /// The lane gave up after a second failure; only a new start helps.
    #[error("the lane has failed")]
    Failed,
    #[error("the journal is closed")]
    Closed,
}

/// Why a record without a receipt was dropped; the caller counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shed {
    /// The lane is above nine tenths of its quota.
    Quota,
    /// The buffers wait for the writer.
    Busy,
    /// Empty, too large, or a kind that is not the caller's.
    Invalid,
    Failed,
    Closed,
}

impl Shed {
    /// Label for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Busy => "busy",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}

/// Records on their way to the writer: payloads in one buffer, so that taking one costs a copy and
/// no allocation.
#[derive(Debug, Default)]
pub struct Group {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u8,
    flags: u8,
    received_at: i64,
    end: usize,
    /// The record behind it is of the same unit.
    is_joined: bool,
}

impl Group {
    pub fn push(&mut self, record: Record<'_>) {
        self.push_unit(&[record]);
    }

    /// Records that the writer takes together or not at all.
    pub fn push_unit(&mut self, records: &[Record<'_>]) {
        for (index, record) in records.iter().enumerate() {
            self.bytes.extend_from_slice(record.payload);
            self.entries.push(Entry {
                kind: record.kind,
                flags: record.flags,
                received_at: record.received_at,
                end: self.bytes.len(),
                is_joined: index + 1 < records.len(),
            });
        }
    }

    /// The records from a position to the end of their unit.
    pub fn unit(&self, index: usize) -> impl Iterator<Item = Record<'_>> {
        let rest = self.entries.get(index..).unwrap_or_default();
        let joined = rest.iter().take_while(|entry| entry.is_joined).count();
        let end = (index + joined + 1).min(self.entries.len());
        (index..end).filter_map(|index| self.get(index))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Payload bytes of all records.
    pub fn payload_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The record at a position, `None` past the end.
    pub fn get(&self, index: usize) -> Option<Record<'_>> {
        let entry = self.entries.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.entries[before].end);
        Some(Record {
            kind: entry.kind,
            flags: entry.flags,
            received_at: entry.received_at,
            payload: &self.bytes[start..entry.end],
        })
    }

    /// Forgets all records from a position on.
    pub fn truncate(&mut self, count: usize) {
        self.entries.truncate(count);
        if let Some(last) = self.entries.last_mut() {
            last.is_joined = false;
        }
        self.bytes.truncate(self.entries.last().map_or(0, |entry| entry.end));
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Moves all records of `other` behind the ones here; `other` keeps its buffers.
    pub fn take_from(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            other.clear();
            return;
        }
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        let moved = other.entries.iter().map(|entry| Entry { end: entry.end + before, ..*entry });
        self.entries.extend(moved);
        other.clear();
    }
}
