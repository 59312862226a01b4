//! A source in memory: tests, simulations and the history of the demo.

use std::sync::Arc;

use bytes::Bytes;
use model::clock::Timestamp;
use model::inbound::Inbound;
use model::record::RecordKind;
use model::wire;
use parking_lot::Mutex;
use store::offsets::Partition;

use super::RecordSource;
use super::SourceBatch;
use super::SourceError;
use super::SourceRecord;

/// Records in memory. Clones share them, each with a place of its own; it ends at its last record
/// instead of waiting.
#[derive(Debug, Clone)]
pub struct MemorySource {
    partition: Partition,
    records: Arc<Mutex<Vec<SourceRecord>>>,
    next: u64,
}

impl MemorySource {
    /// An empty partition.
    #[must_use]
    pub fn new(topic: &str, part: &str) -> Self {
        let partition = Partition { topic: topic.to_owned(), part: part.to_owned() };
        Self { partition, records: Arc::default(), next: 1 }
    }

    /// Appends a record and answers its place.
    pub fn push(&self, kind: u8, received_at: Timestamp, payload: Vec<u8>) -> u64 {
        let mut records = self.records.lock();
        let seq = records.last().map_or(1, |last| last.seq + 1);
        records.push(SourceRecord { seq, kind, received_at, payload: Bytes::from(payload) });
        seq
    }

    /// Appends an inbound, as the daemon would.
    pub fn push_inbound(&self, inbound: &Inbound) -> u64 {
        let kind = match inbound.refused {
            Some(_) => RecordKind::Refusal,
            None => RecordKind::Inbound,
        };
        self.push(kind.byte(), inbound.received_at, wire::encode_inbound(inbound))
    }

    /// Every record so far.
    #[must_use]
    pub fn records(&self) -> Vec<SourceRecord> {
        self.records.lock().clone()
    }
}

impl RecordSource for MemorySource {
    fn partition(&self) -> &Partition {
        &self.partition
    }

    async fn seek(&mut self, next: u64) -> Result<(), SourceError> {
        let last = self.records.lock().last().map_or(0, |last| last.seq);
        if next == 0 || next > last + 1 {
            return Err(SourceError::OutOfRange { first: 1, last, asked: next });
        }
        self.next = next;
        Ok(())
    }

    async fn next_batch(&mut self, records_max: usize) -> Result<SourceBatch, SourceError> {
        let records = self.records.lock();
        let begin = records.partition_point(|record| record.seq < self.next);
        let taken: Vec<SourceRecord> =
            records[begin..].iter().take(records_max.max(1)).cloned().collect();
        self.next = taken.last().map_or(self.next, |last| last.seq + 1);
        Ok(SourceBatch { records: taken, missing: 0, next: self.next })
    }

    async fn committed(&mut self, _next: u64) {}
}
