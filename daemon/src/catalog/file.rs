//! The catalog log on disk: a lane of a journal of its own, written by the control plane.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use journal::Batch;
use journal::BatchLimit;
use journal::Lane;
use journal::LaneHandle;
use journal::Reader;
use journal::Storage;
use model::record::RecordKind;
use model::wire;
use tokio::runtime::Runtime;

use crate::catalog::source::BATCH_ENTRIES_MAX;
use crate::catalog::source::CatalogBatch;
use crate::catalog::source::CatalogSource;
use crate::catalog::source::SourceError;

/// Name of the lane, and of its directory under the data directory.
pub const CATALOG_LANE: &str = "catalog";
/// How often a log is looked at that another process may be writing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Reads the lane `catalog`, from a writer in this process or from the files of one that is gone.
#[derive(Debug)]
pub struct FileSource {
    origin: Origin,
    reader: Option<Reader>,
    position: u64,
    /// Waits for the writer; the source is read by a thread of its own.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
enum Origin {
    Live(LaneHandle),
    Offline { storage: Arc<dyn Storage>, root: PathBuf },
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SourceError {
    SourceError::Unavailable(error.into())
}

impl FileSource {
    /// Follows a writer in this process.
    #[must_use]
    pub fn live(handle: LaneHandle) -> Self {
        Self { origin: Origin::Live(handle), reader: None, position: 0, runtime: None }
    }

    /// Reads the files under `root`; an absent directory is an empty log.
    #[must_use]
    pub fn offline(storage: Arc<dyn Storage>, root: PathBuf) -> Self {
        Self { origin: Origin::Offline { storage, root }, reader: None, position: 0, runtime: None }
    }

    fn open(&self) -> Result<Option<Reader>, SourceError> {
        let from = self.position + 1;
        match &self.origin {
            Origin::Live(handle) => Ok(Some(handle.reader(from))),
            Origin::Offline { storage, root } => {
                let lane = Lane::named(CATALOG_LANE).map_err(unavailable)?;
                if !root.join(CATALOG_LANE).is_dir() {
                    return Ok(None);
                }
                Reader::open_dir(Arc::clone(storage), root, lane, from)
                    .map(Some)
                    .map_err(unavailable)
            }
        }
    }

    fn read(&mut self) -> Result<Option<Batch>, SourceError> {
        if self.reader.is_none() {
            self.reader = self.open()?;
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let limit = BatchLimit { records_max: BATCH_ENTRIES_MAX, bytes_max: BATCH_BYTES_MAX };
        let batch = reader.next_batch(limit).map_err(unavailable)?;
        Ok((batch.next_seq > self.position + 1).then_some(batch))
    }

    /// Until there is something new, or `wait` is over. `false`: the writer is gone.
    fn wait(&mut self, wait: Duration) -> Result<bool, SourceError> {
        if self.runtime.is_none() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            self.runtime = Some(runtime.map_err(unavailable)?);
        }
        let Some(runtime) = &self.runtime else { return Ok(true) };
        if let (Origin::Live(_), Some(reader)) = (&self.origin, &mut self.reader) {
            let waited = async { tokio::time::timeout(wait, reader.wait()).await };
            return Ok(runtime.block_on(waited).unwrap_or(true));
        }
        // The files are opened afresh: another process may have rotated them.
        self.reader = None;
        runtime.block_on(async { tokio::time::sleep(wait.min(LOOK_AGAIN)).await });
        Ok(true)
    }
}

impl CatalogSource for FileSource {
    fn seek(&mut self, position: u64) {
        self.position = position;
        self.reader = None;
    }

    fn next(&mut self, wait: Duration) -> Result<CatalogBatch, SourceError> {
        let batch = match self.read()? {
            Some(batch) => Some(batch),
            None if !self.wait(wait)? => return Err(SourceError::Closed),
            None => self.read()?,
        };
        let Some(batch) = batch else {
            return Ok(CatalogBatch { position: self.position, ..CatalogBatch::default() });
        };
        let mut answer = CatalogBatch {
            unreadable: batch.missing.iter().map(|range| range.count()).sum(),
            ..CatalogBatch::default()
        };
        for record in &batch.records {
            if RecordKind::from_byte(record.kind) != Some(RecordKind::Catalog) {
                continue;
            }
            match wire::decode_catalog(&record.payload) {
                Ok(entry) => answer.entries.push(entry),
                Err(_) => answer.unreadable += 1,
            }
        }
        self.position = batch.next_seq - 1;
        answer.position = self.position;
        Ok(answer)
    }

    fn head(&self) -> Option<u64> {
        match &self.origin {
            Origin::Live(handle) => Some(*handle.durable().borrow()),
            Origin::Offline { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use journal::Journal;
    use journal::JournalConfig;
    use journal::LaneConfig;
    use journal::Record;
    use model::catalog::CatalogEntry;

    use super::*;
    use crate::app::testing::environment;
    use crate::catalog::source::conformance;

    fn journal(root: &std::path::Path) -> (Journal, LaneHandle) {
        let lane = LaneConfig::named(CATALOG_LANE).unwrap();
        let config = JournalConfig::single(lane);
        let (journal, _) = Journal::open(root, config, environment(1)).unwrap();
        let handle = journal.lane(&Lane::named(CATALOG_LANE).unwrap()).unwrap();
        (journal, handle)
    }

    fn push(handle: &LaneHandle, entry: &CatalogEntry) -> u64 {
        let payload = wire::encode_catalog(entry);
        let kind = RecordKind::Catalog.byte();
        let record = Record { kind, flags: 0, received_at: 1, payload: &payload };
        handle.append_durable(record).unwrap().wait().unwrap()
    }

    #[test]
    fn live_source_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, handle) = journal(folder.path());
        let mut source = FileSource::live(handle.clone());
        conformance(&mut source, &mut |entry| push(&handle, &entry));
        journal.close().unwrap();
    }

    #[test]
    fn files_of_a_closed_writer_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let storage = environment(1).storage;
        let mut source = FileSource::offline(storage, folder.path().to_owned());
        assert!(source.next(Duration::ZERO).unwrap().entries.is_empty());
        let (journal, handle) = journal(folder.path());
        push(&handle, &CatalogEntry::Reset);
        push(&handle, &CatalogEntry::Complete);
        journal.close().unwrap();
        let batch = source.next(Duration::ZERO).unwrap();
        assert_eq!(batch.entries, [CatalogEntry::Reset, CatalogEntry::Complete]);
        assert_eq!((batch.position, batch.unreadable), (2, 0));
        assert!(source.next(Duration::ZERO).unwrap().entries.is_empty());
    }
}
