//! The door to one lane: cheap handles for any thread, and the shell around the writer.
//!
//! Records wait in *shards*, small buffers behind a lock that is held for one copy. A handle has a
//! shard of its own, so threads with their own handles do not meet; the writer takes a whole shard
//! by swapping it for an empty one. Nobody but the writer's thread ever waits for the disk.

mod inbox;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread::Thread;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::Environment;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::cursor::Cursor;
use crate::cursor::CursorError;
use crate::cursor::Cursors;
use crate::format::unit_bytes;
use crate::format::unit_room;
use crate::observer::LaneState;
use crate::observer::LaneStats;
use crate::observer::Level;
use crate::reader::Reader;
use crate::receipt::Receipt;
use crate::record::AppendError;
use crate::record::KIND_FACT_MIN;
use crate::record::Record;
use crate::record::Shed;
use crate::segment::Reading;
use crate::storage::Storage;
use inbox::Inbox;
pub(crate) use worker::Worker;

/// Talks to one lane. Give each thread that enqueues a clone of its own: clones use different
/// buffers.
#[derive(Debug)]
pub struct LaneHandle {
    shared: Arc<Shared>,
    /// Which buffer this handle uses first.
    place: usize,
}

/// What handles and the writer's thread have in common.
pub(crate) struct Shared {
    pub(crate) config: LaneConfig,
    pub(crate) dir: PathBuf,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) environment: Environment,
    pub(crate) reading: Reading,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) durable: watch::Receiver<u64>,
    pub(crate) state: watch::Receiver<LaneState>,
    pub(crate) first_seq: AtomicU64,
    pub(crate) stats: Mutex<LaneStats>,
    inbox: Inbox,
    writer: OnceLock<Thread>,
    /// Somebody waits for a receipt, or the thread is asked to sync or stop.
    urgent: AtomicBool,
    /// Records wait that nobody waits for.
    dirty: AtomicBool,
    sync_asked: AtomicBool,
    closed: AtomicBool,
    failed: AtomicBool,
    level: AtomicU8,
    shed: AtomicU64,
    next_shard: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("lane", &self.config.lane).finish_non_exhaustive()
    }
}

impl Clone for LaneHandle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl LaneHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let place = shared.next_shard.fetch_add(1, Ordering::Relaxed);
        Self { shared, place }
    }

    pub fn lane(&self) -> &Lane {
        &self.shared.config.lane
    }

    /// Names the journal this lane belongs to, for whoever remembers places in it: 32 hexadecimal
    /// digits.
    pub fn journal_id(&self) -> String {
        crate::identity::text(&self.shared.reading.journal.unwrap_or_default())
    }

    /// Hands a record to the writer and returns at once with the receipt, which resolves only after
    /// the sync that covers the record.
    ///
    /// # Errors
    /// `Empty`, `TooLarge` and `ReservedKind` are the caller's; on all others answer 503 with
    /// Retry-After.
    pub fn append_durable(&self, record: Record<'_>) -> Result<Receipt, AppendError> {
        self.append_unit(&[record])
    }

    /// As [`Self::append_durable`] for several records that belong together: all of them are taken,
    /// next to each other, or none is. The receipt resolves to the sequence of the last one, once
    /// all are durable.
    ///
    /// A crash before that may leave the first of them: what has no receipt is unknown.
    ///
    /// # Errors
    /// As [`Self::append_durable`]; `Empty` without records, `TooLarge` also when they do not fit
    /// into one segment.
    pub fn append_unit(&self, unit: &[Record<'_>]) -> Result<Receipt, AppendError> {
        self.shared.check_unit(unit)?;
        if self.shared.level() == Level::Full {
            return Err(AppendError::Full);
        }
        let (sender, receipt) = Receipt::new();
        self.shared.inbox.push_waiting(self.place, unit, sender)?;
        self.shared.wake_urgently();
        Ok(receipt)
    }

    /// Leaves a record in this handle's buffer. Never waits, never syncs.
    ///
    /// # Errors
    /// The reason why the record was dropped; it is already counted in [`LaneStats::shed`] and told
    /// to the observer.
    pub fn enqueue(&self, record: Record<'_>) -> Result<(), Shed> {
        let outcome = if record.kind >= KIND_FACT_MIN {
            Err(Shed::Invalid)
        } else {
            self.shared.enqueue(self.place, record)
        };
        if let Err(reason) = outcome {
            self.shared.shed.fetch_add(1, Ordering::Relaxed);
            self.shared.environment.observer.shed(self.lane(), reason);
        }
        outcome
    }

    /// Leaves a fact of the journal itself; only the control lane gets any.
    pub(crate) fn enqueue_fact(&self, record: Record<'_>) {
        if self.shared.enqueue(self.place, record).is_err() {
            self.shared.shed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Resolves, with the last durable sequence, once everything taken so far is durable.
    pub fn flush(&self) -> Receipt {
        let (sender, receipt) = Receipt::new();
        if self.shared.closed.load(Ordering::Acquire) {
            let _ = sender.send(Err(AppendError::Closed));
        } else {
            self.shared.inbox.push_flush(sender);
            self.shared.wake_urgently();
        }
        receipt
    }

    /// Follows the last durable sequence; 0 before the first record.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.shared.durable.clone()
    }

    /// Follows level, use and failures.
    pub fn state(&self) -> watch::Receiver<LaneState> {
        self.shared.state.clone()
    }

    /// How full the lane is; from [`Level::Alert`] on clicks should be written compactly.
    pub fn level(&self) -> Level {
        self.shared.level()
    }

    /// Reads durable records from a sequence on, or from the oldest one kept.
    pub fn reader(&self, from_seq: u64) -> Reader {
        let shared = &self.shared;
        Reader::new(
            Arc::clone(&shared.storage),
            shared.dir.clone(),
            shared.reading.clone(),
            Some(shared.durable.clone()),
            from_seq,
        )
    }

    /// Oldest sequence that can still be read.
    pub fn first_seq(&self) -> u64 {
        self.shared.first_seq.load(Ordering::Acquire)
    }

    /// Opens a durable cursor; a new one begins before the oldest record kept. Records behind the
    /// slowest cursor are trimmed, so a consumer that is gone for good must be forgotten.
    ///
    /// # Errors
    /// [`CursorError::Name`].
    pub fn cursor(&self, name: &str) -> Result<Cursor, CursorError> {
        self.shared.cursors.open(name, self.first_seq().saturating_sub(1))
    }

    /// All cursors with their positions.
    pub fn cursors(&self) -> Vec<(String, u64)> {
        self.shared.cursors.positions()
    }

    /// Removes a cursor.
    ///
    /// # Errors
    /// [`CursorError::Storage`].
    pub fn forget_cursor(&self, name: &str) -> Result<(), CursorError> {
        self.shared.cursors.forget(name)
    }

    /// Counters since the start.
    pub fn stats(&self) -> LaneStats {
        LaneStats { shed: self.shared.shed.load(Ordering::Relaxed), ..*self.shared.stats.lock() }
    }

    /// Asks the writer to sync what it has, without waiting. Another lane calls this after its own
    /// sync, so that the two share a moment.
    pub(crate) fn ask_sync(&self) {
        self.shared.sync_asked.store(true, Ordering::Release);
        self.shared.unpark();
    }

    /// Tells the writer to drain, seal and end.
    pub(crate) fn stop(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.wake_urgently();
    }
}

impl Shared {
    fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Acquire))
    }

    fn check(&self, record: &Record<'_>) -> Result<(), AppendError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Closed);
        }
        if self.failed.load(Ordering::Acquire) {
            return Err(AppendError::Failed);
        }
        match record.payload.len() {
            0 => Err(AppendError::Empty),
            bytes if bytes > self.config.payload_bytes_max as usize => Err(AppendError::TooLarge),
            _ => Ok(()),
        }
    }

    fn check_unit(&self, unit: &[Record<'_>]) -> Result<(), AppendError> {
        if unit.is_empty() {
            return Err(AppendError::Empty);
        }
        for record in unit {
            self.check(record)?;
            if record.kind >= KIND_FACT_MIN {
                return Err(AppendError::ReservedKind);
            }
        }
        let payloads = unit.iter().map(|record| record.payload.len());
        let is_one = unit.len() == 1;
        let fits = is_one || unit_bytes(payloads) <= unit_room(self.config.segment_bytes);
        if fits { Ok(()) } else { Err(AppendError::TooLarge) }
    }

    fn enqueue(&self, place: usize, record: Record<'_>) -> Result<(), Shed> {
        self.check(&record).map_err(|error| match error {
            AppendError::Closed => Shed::Closed,
            AppendError::Failed => Shed::Failed,
            _ => Shed::Invalid,
        })?;
        // A lane with a reserve goes on until that is used up; the others stop in time.
        let quota_level = if self.config.reserve_bytes > 0 { Level::Full } else { Level::Shedding };
        if self.level() >= quota_level {
            return Err(Shed::Quota);
        }
        self.inbox.push(place, record)?;
        if !self.dirty.load(Ordering::Acquire) && !self.dirty.swap(true, Ordering::AcqRel) {
            self.unpark();
        }
        Ok(())
    }

    fn wake_urgently(&self) {
        if !self.urgent.swap(true, Ordering::AcqRel) {
            self.unpark();
        }
    }

    fn unpark(&self) {
        if let Some(thread) = self.writer.get() {
            thread.unpark();
        }
    }
}
