//! Where the catalog comes from: an ordered log of entries with positions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::catalog::CatalogEntry;
use parking_lot::Condvar;
use parking_lot::Mutex;

/// Most entries of one batch.
pub const BATCH_ENTRIES_MAX: usize = 4096;

/// Why the log cannot be read now.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Try again: nothing is lost, the catalog only grows older.
    #[error("catalog log is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The other side ended; nothing more will come.
    #[error("catalog log is closed")]
    Closed,
}

/// A stretch of the log.
#[derive(Debug, Default)]
pub struct CatalogBatch {
    /// In the order of the log.
    pub entries: Vec<CatalogEntry>,
    /// Position of the last record read, decodable or not; unchanged when nothing was read.
    pub position: u64,
    /// Records that are missing or that this version cannot read.
    pub unreadable: u64,
}

/// Where the catalog comes from.
///
/// # Contract
///
/// - Positions start at 1 and rise. [`Self::next`] answers what stands behind the position given by
///   [`Self::seek`] or behind the last batch, in order, each record once.
/// - Without anything new it waits, at most as long as it is told, and answers an empty batch.
/// - A new entry is answered as soon as it is durable on the other side; nobody has to poll.
/// - [`Self::head`] is the last position that exists now, where the source can know it. A saved
///   position beyond it belongs to another log.
pub trait CatalogSource: Send {
    /// Continues behind `position`; 0 is the beginning.
    fn seek(&mut self, position: u64);

    /// The next entries, at most [`BATCH_ENTRIES_MAX`].
    ///
    /// # Errors
    /// [`SourceError::Unavailable`]: call again later. [`SourceError::Closed`]: there is no more.
    fn next(&mut self, wait: Duration) -> Result<CatalogBatch, SourceError>;

    /// The last position there is; `None` where that cannot be known.
    fn head(&self) -> Option<u64>;
}

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<CatalogEntry>,
    is_closed: bool,
}

/// The writing end of a [`MemorySource`]. Dropping the last one closes the log.
#[derive(Debug, Clone)]
pub struct MemoryCatalog(Arc<Writer>);

#[derive(Debug)]
struct Writer(Arc<Shared>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.log.lock().is_closed = true;
        self.0.grown.notify_all();
    }
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    grown: Condvar,
}

/// A log in memory, for tests and benchmarks.
#[derive(Debug)]
pub struct MemorySource {
    shared: Arc<Shared>,
    position: u64,
}

impl MemorySource {
    /// An empty log: its reading and its writing end.
    #[must_use]
    pub fn new() -> (Self, MemoryCatalog) {
        let shared = Arc::new(Shared::default());
        let writer = MemoryCatalog(Arc::new(Writer(Arc::clone(&shared))));
        (Self { shared, position: 0 }, writer)
    }
}

impl MemoryCatalog {
    /// Appends an entry; answers its position.
    #[must_use]
    pub fn push(&self, entry: CatalogEntry) -> u64 {
        self.extend([entry])
    }

    /// Appends entries; answers the position of the last.
    pub fn extend(&self, entries: impl IntoIterator<Item = CatalogEntry>) -> u64 {
        let mut log = self.0.0.log.lock();
        log.entries.extend(entries);
        self.0.0.grown.notify_all();
        log.entries.len() as u64
    }
}

impl CatalogSource for MemorySource {
    fn seek(&mut self, position: u64) {
        self.position = position;
    }

    fn next(&mut self, wait: Duration) -> Result<CatalogBatch, SourceError> {
        let mut log = self.shared.log.lock();
        if log.entries.len() as u64 <= self.position && !log.is_closed {
            self.shared.grown.wait_for(&mut log, wait);
        }
        let start = usize::try_from(self.position).unwrap_or(usize::MAX);
        let entries: Vec<_> =
            log.entries.iter().skip(start).take(BATCH_ENTRIES_MAX).cloned().collect();
        if entries.is_empty() && log.is_closed {
            return Err(SourceError::Closed);
        }
        self.position += entries.len() as u64;
        Ok(CatalogBatch { entries, position: self.position, unreadable: 0 })
    }

    fn head(&self) -> Option<u64> {
        Some(self.shared.log.lock().entries.len() as u64)
    }
}

/// The suite that every source runs: `push` appends to the log and answers the entry's position.
///
/// # Panics
/// When the source breaks its contract.
#[cfg(test)]
pub(crate) fn conformance(
    source: &mut dyn CatalogSource,
    push: &mut dyn FnMut(CatalogEntry) -> u64,
) {
    use model::catalog::CatalogKey;
    use model::catalog::CatalogKind;

    let entry = |id| CatalogEntry::Remove(CatalogKey { kind: CatalogKind::Link, id });
    let soon = Duration::from_secs(10);
    let read = |source: &mut dyn CatalogSource, count: usize| {
        let mut found = Vec::new();
        let mut position = 0;
        while found.len() < count {
            let batch = source.next(soon).unwrap();
            assert!(batch.entries.len() <= BATCH_ENTRIES_MAX);
            assert_eq!(batch.unreadable, 0);
            found.extend(batch.entries);
            position = batch.position;
        }
        (found, position)
    };

    source.seek(0);
    assert!(source.next(Duration::from_millis(1)).unwrap().entries.is_empty());
    assert!(source.head().is_none_or(|head| head == 0));
    let positions: Vec<u64> = (1..=5).map(|id| push(entry(id))).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5]);

    let all: Vec<_> = (1..=5).map(entry).collect();
    assert_eq!(read(source, 5), (all.clone(), 5));
    assert!(source.head().is_none_or(|head| head == 5));
    let batch = source.next(Duration::from_millis(1)).unwrap();
    assert!(batch.entries.is_empty() && batch.position == 5);

    source.seek(3);
    assert_eq!(read(source, 2), (all[3..].to_vec(), 5));
    push(entry(6));
    assert_eq!(read(source, 1), (vec![entry(6)], 6));
    source.seek(0);
    assert_eq!(read(source, 6).1, 6);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_source_keeps_the_contract() {
        let (mut source, catalog) = MemorySource::new();
        conformance(&mut source, &mut |entry| catalog.push(entry));
        drop(catalog);
        assert!(matches!(source.next(Duration::ZERO), Err(SourceError::Closed)));
    }
}
