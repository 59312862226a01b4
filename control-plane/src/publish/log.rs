//! Where catalog entries go.

use journal::AppendError;
use journal::LaneHandle;
use journal::Record;
use model::catalog::CatalogEntry;
use model::clock::Clock;
use model::record::RecordKind;
use model::wire;
use std::sync::Arc;

/// The log did not take an entry.
#[derive(Debug, thiserror::Error)]
#[error("catalog log refused an entry")]
pub struct LogError(#[source] pub AppendError);

/// An ordered log that daemons follow. Two are written: the journal's lane, and a list for tests.
pub trait CatalogLog: Send {
    /// Appends entries in order; returns, once all of them are durable, how many there were. After
    /// an error a first part of them may be in the log.
    fn append(
        &mut self,
        entries: Vec<CatalogEntry>,
    ) -> impl Future<Output = Result<u64, LogError>> + Send;

    /// Whether nothing was ever appended.
    fn is_empty(&self) -> bool;
}

/// A lane of the journal.
#[derive(Clone)]
pub struct LaneLog {
    lane: LaneHandle,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for LaneLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LaneLog").finish_non_exhaustive()
    }
}

/// Entries on their way at once: well inside the lane's queue.
const IN_FLIGHT_MAX: usize = 64;

impl LaneLog {
    /// The lane `catalog` of a journal.
    #[must_use]
    pub fn new(lane: LaneHandle, clock: Arc<dyn Clock>) -> Self {
        Self { lane, clock }
    }
}

impl CatalogLog for LaneLog {
    async fn append(&mut self, entries: Vec<CatalogEntry>) -> Result<u64, LogError> {
        let mut appended = 0;
        for chunk in entries.chunks(IN_FLIGHT_MAX) {
            let mut receipts = Vec::with_capacity(chunk.len());
            for entry in chunk {
                let payload = wire::encode_catalog(entry);
                let kind = RecordKind::Catalog.byte();
                let received_at = self.clock.now().0;
                let record = Record { kind, flags: 0, received_at, payload: &payload };
                receipts.push(self.lane.append_durable(record).map_err(LogError)?);
            }
            for receipt in receipts {
                receipt.await.map_err(LogError)?;
                appended += 1;
            }
        }
        Ok(appended)
    }

    fn is_empty(&self) -> bool {
        *self.lane.durable().borrow() == 0
    }
}

/// A list of entries that tests look at.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryLog {
    entries: Arc<parking_lot::Mutex<Vec<CatalogEntry>>>,
}

#[cfg(test)]
impl MemoryLog {
    /// Takes what was appended since the last look.
    pub(crate) fn take(&self) -> Vec<CatalogEntry> {
        let mut entries = self.entries.lock();
        let taken = entries.clone();
        // One stays, so that the log never looks empty again.
        entries.clear();
        taken
    }
}

#[cfg(test)]
impl CatalogLog for MemoryLog {
    async fn append(&mut self, entries: Vec<CatalogEntry>) -> Result<u64, LogError> {
        let count = entries.len() as u64;
        self.entries.lock().extend(entries);
        Ok(count)
    }

    fn is_empty(&self) -> bool {
        false
    }
}
