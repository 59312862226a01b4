//! Where records are read from. A source hands out what is durable, in order; what was processed is
//! remembered by the database alone, in the unit of work that holds its effects.

use std::future::Future;

use bytes::Bytes;
use model::clock::Timestamp;
use store::offsets::Partition;

mod journal;
mod memory;
#[cfg(test)]
mod tests;

pub use journal::JournalSource;
pub use memory::MemorySource;

/// Records of one batch at most: the knee of the commit cost lies near a hundred, the gain ends in
/// the thousands.
pub const BATCH_RECORDS_MAX: usize = 1024;
/// Bytes of one batch at most.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One record as its source holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// Place in the partition: rises by one, but for ranges that were lost.
    pub seq: u64,
    /// Kind byte of `model::record`.
    pub kind: u8,
    /// By the daemon's clock.
    pub received_at: Timestamp,
    /// One value in the wire encoding.
    pub payload: Bytes,
}

/// What stands between two places of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceBatch {
    /// In order.
    pub records: Vec<SourceRecord>,
    /// Sequences in this range that no record has any more: damage that the journal found and
    /// reported.
    pub missing: u64,
    /// First place behind the range.
    pub next: u64,
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The place asked for is gone or was never written: nothing is skipped silently, a person
    /// decides.
    #[error("partition begins at {first} and ends at {last}, {asked} was asked for")]
    OutOfRange {
        /// First place that can be read.
        first: u64,
        /// Last place that was written.
        last: u64,
        /// What was asked for.
        asked: u64,
    },
    /// It cannot be read now.
    #[error("record source is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One partition of records, read by one consumer.
///
/// The contract, held by the suite in `consume/tests.rs`:
///
/// - After `seek(n)` the next batch begins at the first record with `seq >= n`; each batch begins
///   where the one before ended, and sequences never fall.
/// - Only durable records are handed out: what was read once can be read again, unchanged, after a
///   crash.
/// - At least once: what is not told to be `committed` is still there after a restart.
/// - `next_batch` waits while there is nothing; an empty batch means that the source has ended.
/// - `committed(n)` is a hint for whoever keeps the records: everything below `n` has its effect in
///   the database.
pub trait RecordSource: Send {
    /// Names the row that remembers how far the consumer is.
    fn partition(&self) -> &Partition;

    /// Stands at the first record with `seq >= next`. Sequences begin at 1.
    fn seek(&mut self, next: u64) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// At most `records_max` records, as soon as there is one.
    fn next_batch(
        &mut self,
        records_max: usize,
    ) -> impl Future<Output = Result<SourceBatch, SourceError>> + Send;

    /// Everything below `next` has its effect in the database.
    fn committed(&mut self, next: u64) -> impl Future<Output = ()> + Send;
}
