//! What the journal says was accepted: the other side of the checks A6 and A11, which never trust
//! our own counters.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::BatchLimit;
use journal::Damage;
use journal::DamageClass;
use journal::Reader;
use journal::StoredRecord;
use model::clock::Clock;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::TenantId;
use model::record::RecordKind;
use parking_lot::Mutex;

use crate::lanes::Lanes;
use crate::settle::audit::Accepted;
use crate::settle::audit::Evidence;
use crate::settle::audit::settled_before;

/// Records at the end of the lane that one look reads.
const TAIL_RECORDS_MAX: u64 = 4096;
/// Records looked up by A11 in one run.
const SAMPLED_MAX: usize = 64;
/// Remembered looks: more than a minute of them at one a second.
const LOOKS_MAX: usize = 128;

/// The inbound lane of the daemon's journal, while the daemon writes it.
#[derive(Clone)]
pub struct JournalEvidence {
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    looks: Arc<Mutex<Looks>>,
}

/// Where the lane ended when it was looked at: tells what is older than a minute when the tail is
/// all young.
#[derive(Debug, Default)]
struct Looks {
    ends: VecDeque<(Timestamp, u64)>,
    missing: u64,
}

impl std::fmt::Debug for JournalEvidence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("JournalEvidence")
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl JournalEvidence {
    /// Evidence from the lane `inbound`; `missing` sequences were reported by the journal as lost.
    #[must_use]
    pub fn new(lanes: Lanes, clock: Arc<dyn Clock>, missing: u64) -> Self {
        let looks = Looks { ends: VecDeque::new(), missing };
        Self { lanes, clock, looks: Arc::new(Mutex::new(looks)) }
    }

    fn last_seq(&self) -> u64 {
        *self.lanes.inbound.durable().borrow()
    }

    fn reader(&self, from: u64) -> Reader {
        self.lanes.inbound.reader(from.max(self.lanes.inbound.first_seq()).max(1))
    }

    fn settled_seq(&self, last_seq: u64, now: Timestamp) -> u64 {
        let before = settled_before(now);
        let tail =
            read(&mut self.reader(last_seq.saturating_sub(TAIL_RECORDS_MAX)), TAIL_RECORDS_MAX);
        let settled = tail.iter().filter(|record| record.received_at <= before.0);
        let in_tail = settled.map(|record| record.seq).max().unwrap_or(0);
        let mut looks = self.looks.lock();
        looks.ends.push_back((now, last_seq));
        if looks.ends.len() > LOOKS_MAX {
            looks.ends.pop_front();
        }
        let old_looks = looks.ends.iter().filter(|(at, _)| *at <= before);
        old_looks.map(|&(_, end)| end).max().unwrap_or(0).max(in_tail)
    }
}

impl Evidence for JournalEvidence {
    fn accepted(&self) -> Vec<Accepted> {
        let last_seq = self.last_seq();
        let settled_seq = self.settled_seq(last_seq, self.clock.now());
        let part = self.lanes.inbound.lane().as_str().to_owned();
        let missing = self.looks.lock().missing;
        vec![Accepted { topic: self.lanes.topic.clone(), part, last_seq, settled_seq, missing }]
    }

    fn sampled(&self) -> Vec<(TenantId, EventId)> {
        let settled_seq = self.settled_seq(self.last_seq(), self.clock.now());
        let from = settled_seq.saturating_sub(SAMPLED_MAX as u64);
        let records = read(&mut self.reader(from), SAMPLED_MAX as u64);
        sample(records.iter().filter(|record| record.seq <= settled_seq))
    }
}

/// From where on the database need not know a record yet.
#[derive(Debug, Clone, Copy)]
pub enum Settled {
    /// Accepted at this instant or earlier: it must be known.
    Before(Timestamp),
    /// Up to this sequence: the database itself says so.
    UpTo(u64),
}

impl Settled {
    fn holds(self, record: &StoredRecord) -> bool {
        match self {
            Self::Before(at) => record.received_at <= at.0,
            Self::UpTo(seq) => record.seq <= seq,
        }
    }
}

/// The journal of a data directory that no daemon writes.
#[derive(Debug)]
pub struct OfflineEvidence {
    accepted: Vec<Accepted>,
    sampled: Vec<(TenantId, EventId)>,
}

impl OfflineEvidence {
    /// Reads the whole lane `inbound` of the journal named `topic`.
    #[must_use]
    pub fn read(topic: String, mut lane: Reader, settled: Settled, missing: u64) -> Self {
        let records = read(&mut lane, u64::MAX);
        let last_seq = records.iter().map(|record| record.seq).max().unwrap_or(0);
        let settled = records.iter().filter(|record| settled.holds(record));
        let settled_seq = settled.clone().map(|record| record.seq).max().unwrap_or(0);
        let step = (records.len() / SAMPLED_MAX).max(1);
        let sampled = sample(settled.step_by(step));
        let part = journal::Lane::Inbound.as_str().to_owned();
        Self { accepted: vec![Accepted { topic, part, last_seq, settled_seq, missing }], sampled }
    }
}

impl Evidence for OfflineEvidence {
    fn accepted(&self) -> Vec<Accepted> {
        self.accepted.clone()
    }

    fn sampled(&self) -> Vec<(TenantId, EventId)> {
        self.sampled.clone()
    }
}

/// Records that damage took after they were confirmed; torn tails were never confirmed.
#[must_use]
pub fn lost_records(damage: &[Damage]) -> u64 {
    let interior = damage.iter().filter(|damage| damage.class == DamageClass::Interior);
    interior.map(Damage::missing_records).sum()
}

/// Reads on until the end, an error, or `most` records. A range that cannot be read is reported by
/// the journal itself.
fn read(reader: &mut Reader, most: u64) -> Vec<StoredRecord> {
    let mut records = Vec::new();
    while (records.len() as u64) < most {
        match reader.next_batch(BatchLimit::default()) {
            Ok(batch) if !batch.records.is_empty() => records.extend(batch.records),
            _ => break,
        }
    }
    records
}

fn sample<'r>(records: impl Iterator<Item = &'r StoredRecord>) -> Vec<(TenantId, EventId)> {
    records
        .filter(|record| RecordKind::from_byte(record.kind) == Some(RecordKind::Inbound))
        .filter_map(|record| model::wire::decode_inbound(&record.payload).ok())
        .map(|inbound| (inbound.tenant, inbound.event_id))
        .collect()
}
