//! Reading a lane in order, while it is written or afterwards.
//!
//! A live reader sees records only once they are durable, so no consumer can act on something that
//! a power cut takes back. A reader never changes a file, and damage costs it exactly the damaged
//! sequences, which it reports.
//!
//! # Why a segment is read only up to the next one's first sequence
//!
//! After a failed sync the writer repeats records, with their sequences, in a new segment. The old
//! copies may be incomplete; the new ones are whole. So where two segments overlap, the later wins.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::config::Lane;
use crate::config::PAYLOAD_BYTES_MAX;
use crate::format::Head;
use crate::format::SegmentHeader;
use crate::record::SeqRange;
use crate::record::StoredRecord;
use crate::scan::Item;
use crate::scan::SegmentScan;
use crate::segment::Reading;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::Storage;
use crate::window::Window;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
#[error("the journal could not be read")]
pub struct ReadError(#[from] pub io::Error);

/// How much one call returns at most; one record always fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    pub records_max: usize,
    pub bytes_max: usize,
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self { records_max: 1024, bytes_max: 1 << 20 }
    }
}

/// Records in the order of their sequences; empty when the reader has caught up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub records: Vec<StoredRecord>,
    /// Sequences before `next_seq` that are damaged, were never finished, or are already trimmed.
    pub missing: Vec<SeqRange>,
    pub next_seq: u64,
}

/// One consumer's view of a lane. Calls read files and may block for a disk.
#[derive(Debug)]
pub struct Reader {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    reading: Reading,
    /// Follows the last durable sequence; `None` reads whatever is there.
    durable: Option<watch::Receiver<u64>>,
    next_seq: u64,
    current: Option<Current>,
    headers: BTreeMap<u64, Option<SegmentHeader>>,
    /// The durable sequence at which the last call could get no further.
    stalled_at: u64,
}

#[derive(Debug)]
struct Current {
    number: u64,
    scan: SegmentScan,
    /// Last sequence this segment is asked for; `u64::MAX` while it is the newest.
    last_seq: u64,
    /// A record that was read before it was durable.
    held: Option<Head>,
}

enum Step {
    Record(StoredRecord),
    Again,
    CaughtUp,
}

impl Reader {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        dir: PathBuf,
        reading: Reading,
        durable: Option<watch::Receiver<u64>>,
        from_seq: u64,
    ) -> Self {
        Self {
            storage,
            dir,
            reading,
            durable,
            next_seq: from_seq.max(1),
            current: None,
            headers: BTreeMap::new(),
            stalled_at: 0,
        }
    }

    /// Reads the lane of a journal that nobody writes at the moment.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn open_dir(
        storage: Arc<dyn Storage>,
        root: &Path,
        lane: Lane,
        from_seq: u64,
    ) -> Result<Self, ReadError> {
        let dir = root.join(lane.as_str());
        storage.list(&dir)?;
        let journal = crate::identity::load(&*storage, root)?;
        let payload_bytes_max = PAYLOAD_BYTES_MAX;
        let reading = Reading { lane, journal, payload_bytes_max, weak_checksum: false };
        Ok(Self::new(storage, dir, reading, None, from_seq))
    }

    /// The sequence the next record will have, unless it is missing.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// First sequences of the segments that are kept, oldest first: where reading can begin without
    /// passing what stands before.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn starts(&mut self) -> Result<Vec<u64>, ReadError> {
        let segments = self.segments()?;
        Ok(segments.iter().map(|(_, header)| header.first_seq).collect())
    }

    /// Records from the current position on.
    ///
    /// # Errors
    /// When a file cannot be read; the position stays before the unread record.
    pub fn next_batch(&mut self, limit: BatchLimit) -> Result<Batch, ReadError> {
        let durable_seq = self.durable.as_mut().map_or(u64::MAX, |seq| *seq.borrow_and_update());
        if let Some(current) = self.current.as_mut().filter(|c| c.last_seq == u64::MAX) {
            current.scan.forget();
        }
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.records.len() < limit.records_max && bytes < limit.bytes_max {
            match self.step(durable_seq, &mut batch.missing)? {
                Step::Record(record) => {
                    batch.missing.extend(SeqRange::new(self.next_seq, record.seq - 1));
                    bytes += record.payload.len();
                    self.next_seq = record.seq + 1;
                    batch.records.push(record);
                }
                Step::Again => {}
                Step::CaughtUp => {
                    self.stalled_at = durable_seq;
                    break;
                }
            }
        }
        batch.next_seq = self.next_seq;
        Ok(batch)
    }

    /// Waits until there may be more to read. False when the journal was closed: what is durable
    /// can still be read, but nothing will follow.
    pub async fn wait(&mut self) -> bool {
        let seen = self.stalled_at.max(self.next_seq - 1);
        match &mut self.durable {
            Some(durable) => durable.wait_for(|seq| *seq > seen).await.is_ok(),
            None => false,
        }
    }

    fn step(&mut self, durable_seq: u64, missing: &mut Vec<SeqRange>) -> io::Result<Step> {
        if self.next_seq > durable_seq {
            return Ok(Step::CaughtUp);
        }
        let Some(mut current) = self.current.take() else {
            return Ok(if self.open_segment()? { Step::Again } else { Step::CaughtUp });
        };
        if self.next_seq > current.last_seq {
            return Ok(Step::Again);
        }
        let item = match current.held.take() {
            Some(head) => Item::Record(head),
            None => current.scan.next()?,
        };
        match item {
            Item::Record(head) if head.seq < self.next_seq => {
                self.current = Some(current);
                Ok(Step::Again)
            }
            Item::Record(head) if head.seq <= current.last_seq.min(durable_seq) => {
                let payload = Bytes::copy_from_slice(current.scan.payload(&head)?);
                self.current = Some(current);
                let Head { kind, flags, seq, received_at, .. } = head;
                Ok(Step::Record(StoredRecord { seq, kind, flags, received_at, payload }))
            }
            Item::Record(head) if head.seq <= current.last_seq => {
                // Behind damage; not durable yet.
                current.held = Some(head);
                self.keep_if_newest(current)
            }
            Item::Bad(_) => {
                // Perhaps the writer gave this segment up and repeats its records in the next.
                self.refresh_end(&mut current)?;
                self.current = Some(current);
                Ok(Step::Again)
            }
            Item::Record(_) | Item::End(_) => self.leave(current, missing),
        }
    }

    fn keep_if_newest(&mut self, mut current: Current) -> io::Result<Step> {
        self.refresh_end(&mut current)?;
        let newest = current.last_seq == u64::MAX;
        self.current = Some(current);
        Ok(if newest { Step::CaughtUp } else { Step::Again })
    }

    /// Nothing more can be had from this segment; what it owes is missing if another follows.
    fn leave(&mut self, mut current: Current, missing: &mut Vec<SeqRange>) -> io::Result<Step> {
        if current.last_seq == u64::MAX {
            self.refresh_end(&mut current)?;
            if current.last_seq == u64::MAX {
                self.current = Some(current);
                return Ok(Step::CaughtUp);
            }
            // It was the newest until now: its last records may have been written since.
            current.scan.forget();
            self.current = Some(current);
            return Ok(Step::Again);
        }
        missing.extend(SeqRange::new(self.next_seq, current.last_seq));
        self.next_seq = self.next_seq.max(current.last_seq.saturating_add(1));
        Ok(Step::Again)
    }

    /// Finds the segment that holds the next sequence. False when there is none yet.
    fn open_segment(&mut self) -> io::Result<bool> {
        let segments = self.segments()?;
        let before = segments.iter().rposition(|(_, header)| header.first_seq <= self.next_seq);
        // Older ones are trimmed: begin with the oldest that is left.
        let Some((number, header)) = segments.get(before.unwrap_or(0)).copied() else {
            return Ok(false);
        };
        let path = segment_path(&self.dir, &self.reading.lane, number);
        let window = match self.storage.open_read(&path) {
            Ok(file) => Window::new(file),
            // Trimmed in this moment; the next call lists again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let scan = SegmentScan::new(window, self.reading.clone(), header);
        let last_seq = end_of(&segments, number);
        self.current = Some(Current { number, scan, last_seq, held: None });
        Ok(true)
    }

    fn refresh_end(&mut self, current: &mut Current) -> io::Result<()> {
        if current.last_seq == u64::MAX {
            current.last_seq = end_of(&self.segments()?, current.number);
        }
        Ok(())
    }

    /// All segments of ours, in order of their numbers.
    fn segments(&mut self) -> io::Result<Vec<(u64, SegmentHeader)>> {
        let files = list_segments(&*self.storage, &self.dir, &self.reading.lane)?;
        let mut headers = BTreeMap::new();
        for file in files {
            let known = self.headers.get(&file.number).copied();
            let header = match known {
                Some(header) => header,
                None => match self.identify(file.number) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    other => other?,
                },
            };
            headers.insert(file.number, header);
        }
        self.headers = headers;
        let known = self.headers.iter();
        Ok(known.filter_map(|(number, header)| Some((*number, (*header)?))).collect())
    }

    fn identify(&self, number: u64) -> io::Result<Option<SegmentHeader>> {
        let path = segment_path(&self.dir, &self.reading.lane, number);
        let mut window = Window::new(self.storage.open_read(&path)?);
        Ok(self.reading.identify(&mut window, number)?.header())
    }
}

/// Last sequence asked of a segment: the one before the next segment begins.
fn end_of(segments: &[(u64, SegmentHeader)], number: u64) -> u64 {
    let later = segments.iter().filter(|(other, _)| *other > number);
    later.map(|(_, header)| header.first_seq - 1).min().unwrap_or(u64::MAX)
}
