//! A lane of the journal as a source.
//!
//! The journal's own cursor is saved only after the database has committed, and only so that
//! consumed segments can be trimmed. Where to begin is asked of the database alone: a cursor that
//! was lost, or that a crash left behind, costs nothing.

use journal::BatchLimit;
use journal::Cursor;
use journal::LaneHandle;
use journal::Reader;
use model::clock::Timestamp;
use store::offsets::Partition;

use super::BATCH_BYTES_MAX;
use super::RecordSource;
use super::SourceBatch;
use super::SourceError;
use super::SourceRecord;

/// Name of the journal's cursor that this consumer keeps.
const CURSOR: &str = "pipeline";
/// Records between two saves of the cursor: it only steers trimming, and each save is a synced
/// file.
const CURSOR_EVERY: u64 = 8192;

/// One lane, read while the daemon writes it.
pub struct JournalSource {
    partition: Partition,
    lane: LaneHandle,
    reader: Reader,
    cursor: Option<Cursor>,
}

impl std::fmt::Debug for JournalSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("JournalSource")
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

impl JournalSource {
    /// Reads `lane`; `partition` names its offsets: the journal's id and the lane's name.
    #[must_use]
    pub fn new(lane: LaneHandle, partition: Partition) -> Self {
        let reader = lane.reader(1);
        // Registered at once: from now on nothing is trimmed that was not consumed.
        let cursor = lane.cursor(CURSOR).ok();
        Self { partition, lane, reader, cursor }
    }
}

impl RecordSource for JournalSource {
    fn partition(&self) -> &Partition {
        &self.partition
    }

    async fn seek(&mut self, next: u64) -> Result<(), SourceError> {
        let (first, last) = (self.lane.first_seq(), *self.lane.durable().borrow());
        if next < first || next > last + 1 {
            return Err(SourceError::OutOfRange { first, last, asked: next });
        }
        self.reader = self.lane.reader(next);
        Ok(())
    }

    async fn next_batch(&mut self, records_max: usize) -> Result<SourceBatch, SourceError> {
        let limit = BatchLimit { records_max, bytes_max: BATCH_BYTES_MAX };
        loop {
            let unavailable = |error| SourceError::Unavailable(Box::new(error));
            let batch = self.reader.next_batch(limit).map_err(unavailable)?;
            let missing: u64 = batch.missing.iter().map(|range| range.last - range.first + 1).sum();
            if batch.records.is_empty() && missing == 0 {
                if self.reader.wait().await {
                    continue;
                }
                return Ok(SourceBatch { records: Vec::new(), missing: 0, next: batch.next_seq });
            }
            let records = batch.records.into_iter().map(|record| SourceRecord {
                seq: record.seq,
                kind: record.kind,
                received_at: Timestamp(record.received_at),
                payload: record.payload,
            });
            return Ok(SourceBatch { records: records.collect(), missing, next: batch.next_seq });
        }
    }

    async fn committed(&mut self, next: u64) {
        let Some(cursor) = &mut self.cursor else { return };
        let consumed = next.saturating_sub(1);
        if consumed < cursor.position().saturating_add(CURSOR_EVERY) {
            return;
        }
        if let Err(error) = cursor.save(consumed) {
            // Trimming waits; money does not.
            tracing::warn!(%error, "cursor of the journal was not saved");
        }
    }
}
