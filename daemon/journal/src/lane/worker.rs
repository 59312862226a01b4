//! The writer's thread: takes what waits, writes it, syncs when somebody waits or time is up,
//! answers, and keeps the lane in order between groups.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::LaneHandle;
use super::Shared;
use super::inbox::Drained;
use super::inbox::Inbox;
use super::inbox::Waiting;
use crate::blank::Blank;
use crate::blank::Fill;
use crate::blank::make_blank;
use crate::config::Environment;
use crate::config::Lane;
use crate::cursor::Cursors;
use crate::observer::Commit;
use crate::observer::LaneState;
use crate::observer::LaneStats;
use crate::receipt::ReceiptSender;
use crate::record::AppendError;
use crate::writer::LaneContext;
use crate::writer::LaneWriter;

/// Time between two rounds of trimming and looking at the disk.
const UPKEEP_MICROS: u64 = 1_000_000;
/// The same while the lane is full and every record is refused.
const UPKEEP_FULL_MICROS: u64 = 250_000;
/// Records held in memory until a sync; past this one is made early.
const UNSYNCED_BYTES_MAX: usize = 16 << 20;

/// Owns the writer; runs on its own thread until the lane is stopped.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    writer: LaneWriter,
    context: LaneContext,
    durable: watch::Sender<u64>,
    state: watch::Sender<LaneState>,
    /// Lanes that sync when this one does.
    followers: Vec<LaneHandle>,
    waiting: Vec<(u64, ReceiptSender)>,
    dirty_since: Option<u64>,
    unsynced_since: Option<u64>,
    upkeep_at: u64,
    helper: Option<JoinHandle<std::io::Result<Blank>>>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Worker").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Worker {
    pub(crate) fn new(
        writer: LaneWriter,
        context: LaneContext,
        cursors: Arc<Cursors>,
        environment: Environment,
    ) -> Self {
        let (durable, durable_seen) = watch::channel(writer.durable_seq());
        let first_state = writer.state();
        let (state, state_seen) = watch::channel(first_state);
        let config = context.config.clone();
        let shared = Shared {
            dir: context.dir.clone(),
            storage: Arc::clone(&context.storage),
            reading: context.reading(),
            inbox: Inbox::new(
                config.lane == Lane::Clicks,
                config.queue_records_max,
                config.queue_bytes_max,
            ),
            config,
            environment,
            cursors,
            durable: durable_seen,
            state: state_seen,
            first_seq: writer.first_seq().into(),
            stats: LaneStats::default().into(),
            writer: std::sync::OnceLock::new(),
            urgent: false.into(),
            dirty: false.into(),
            sync_asked: false.into(),
            closed: false.into(),
            failed: false.into(),
            level: (first_state.level as u8).into(),
            shed: 0.into(),
            next_shard: 0.into(),
        };
        Self {
            shared: Arc::new(shared),
            writer,
            context,
            durable,
            state,
            followers: Vec::new(),
            waiting: Vec::new(),
            dirty_since: None,
            unsynced_since: None,
            upkeep_at: 0,
            helper: None,
        }
    }

    pub(crate) fn handle(&self) -> LaneHandle {
        LaneHandle::new(Arc::clone(&self.shared))
    }

    /// Lets another lane sync right after this one.
    pub(crate) fn follow_with(&mut self, follower: LaneHandle) {
        self.followers.push(follower);
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start(self) -> std::io::Result<JoinHandle<Result<(), AppendError>>> {
        let name = format!("journal-{}", self.shared.config.lane);
        thread::Builder::new().name(name).spawn(move || self.run())
    }

    fn run(mut self) -> Result<(), AppendError> {
        let _ = self.shared.writer.set(thread::current());
        let shared = Arc::clone(&self.shared);
        let _end = EndInbox(&shared);
        loop {
            // Read before the buffers are emptied: what came before it is then surely taken.
            let stopping = self.shared.closed.load(Ordering::Acquire);
            if stopping {
                self.shared.inbox.end();
            }
            self.take_group();
            if stopping || self.must_sync() {
                self.sync();
            }
            if stopping {
                break;
            }
            if self.now() >= self.upkeep_at {
                self.upkeep();
            }
            self.ask_for_blank();
            self.pause();
        }
        self.finish()
    }

    fn now(&self) -> u64 {
        self.shared.environment.time.monotonic_micros()
    }

    fn wall(&self) -> i64 {
        self.shared.environment.time.wall_micros()
    }

    /// Writes everything that waits.
    fn take_group(&mut self) {
        self.shared.urgent.store(false, Ordering::Release);
        self.shared.dirty.store(false, Ordering::Release);
        self.dirty_since = None;
        let Drained { group, waiting, flushes } =
            self.shared.inbox.drain(self.writer.spare_group());
        let (records, payload_bytes) = (group.len() as u64, group.payload_bytes() as u64);
        let started = self.now();
        let written = self.writer.write(group, self.wall());
        let ended = self.now();
        // Those that somebody waits for are refused, the others are only counted.
        let is_refused = |one: &&Waiting| one.index as u64 >= written.accepted;
        let refused: u64 = waiting.iter().filter(is_refused).map(|one| one.count).sum();
        let lost = (records - written.accepted).saturating_sub(refused);
        self.shared.shed.fetch_add(lost, Ordering::Relaxed);
        if let Some(error) = written.error {
            self.after_error(error);
        }
        for one in waiting {
            match written.error {
                Some(error @ (AppendError::Poisoned | AppendError::Failed)) => {
                    answer(one.sender, Err(error));
                }
                Some(error) if one.index as u64 >= written.accepted => {
                    answer(one.sender, Err(error));
                }
                _ => self.waiting.push((written.first_seq + one.index as u64, one.sender)),
            }
        }
        let last_seq = self.writer.next_seq() - 1;
        self.waiting.extend(flushes.into_iter().map(|sender| (last_seq, sender)));
        if written.accepted > 0 {
            let write_micros = ended.saturating_sub(started);
            self.tell(&Commit {
                records: written.accepted,
                payload_bytes,
                write_micros,
                sync_micros: None,
            });
        }
        if self.writer.has_unsynced() {
            self.unsynced_since.get_or_insert(ended);
        }
        self.confirm();
    }

    fn must_sync(&self) -> bool {
        let asked = self.shared.sync_asked.swap(false, Ordering::AcqRel);
        let Some(since) = self.unsynced_since else { return false };
        let overdue = self.now().saturating_sub(since) >= micros(self.shared.config.sync_within);
        asked
            || overdue
            || !self.waiting.is_empty()
            || self.writer.unsynced_bytes() >= UNSYNCED_BYTES_MAX
    }

    fn sync(&mut self) {
        let had_records = self.writer.has_unsynced();
        let started = self.now();
        let outcome = self.writer.sync(self.wall());
        let sync_micros = self.now().saturating_sub(started);
        self.unsynced_since = None;
        match outcome {
            Ok(()) => {
                if had_records {
                    let sync_micros = Some(sync_micros);
                    self.tell(&Commit {
                        records: 0,
                        payload_bytes: 0,
                        write_micros: 0,
                        sync_micros,
                    });
                }
                self.confirm();
                self.followers.iter().for_each(LaneHandle::ask_sync);
            }
            Err(error) => self.after_error(error),
        }
    }

    /// Answers everybody whose record is durable now.
    fn confirm(&mut self) {
        let durable_seq = self.writer.durable_seq();
        if !self.writer.has_unsynced() {
            self.unsynced_since = None;
        }
        self.durable.send_if_modified(|seq| std::mem::replace(seq, durable_seq) != durable_seq);
        if self.waiting.is_empty() {
            return;
        }
        for (seq, sender) in std::mem::take(&mut self.waiting) {
            if seq <= durable_seq {
                answer(sender, Ok(seq));
            } else {
                self.waiting.push((seq, sender));
            }
        }
    }

    /// Nobody who waits may be confirmed; the records themselves are the writer's business. The
    /// state is told first, so that whoever is refused can already see why.
    fn after_error(&mut self, error: AppendError) {
        self.upkeep_at = 0;
        self.publish();
        if matches!(error, AppendError::Poisoned | AppendError::Failed) {
            let durable_seq = self.writer.durable_seq();
            for (_, sender) in self.waiting.drain(..) {
                answer(sender, Err(error));
            }
            self.durable.send_if_modified(|seq| std::mem::replace(seq, durable_seq) != durable_seq);
        }
    }

    fn upkeep(&mut self) {
        let lane = &self.shared.config.lane;
        let none = if self.shared.config.keep_without_cursors { 0 } else { u64::MAX };
        let consumed_seq = self.shared.cursors.slowest().unwrap_or(none);
        match self.writer.trim(consumed_seq, self.wall()) {
            Ok(0) => {}
            Ok(segments) => self.shared.environment.observer.trimmed(lane, segments),
            Err(error) => tracing::warn!(%lane, %error, "journal could not be trimmed"),
        }
        if let Err(error) = self.writer.restore_reserve() {
            tracing::warn!(%lane, %error, "journal reserve could not be restored");
        }
        self.writer.reopen(self.wall());
        self.publish();
        self.confirm();
        let pause = if self.writer.is_full() { UPKEEP_FULL_MICROS } else { UPKEEP_MICROS };
        self.upkeep_at = self.now() + pause;
    }

    fn publish(&mut self) {
        let state = self.writer.state();
        self.shared.level.store(state.level as u8, Ordering::Release);
        self.shared.failed.store(state.failed, Ordering::Release);
        self.shared.first_seq.store(self.writer.first_seq(), Ordering::Release);
        let changed = self.state.send_if_modified(|old| std::mem::replace(old, state) != state);
        if changed {
            self.shared.environment.observer.state_changed(&self.shared.config.lane, &state);
        }
    }

    fn tell(&self, commit: &Commit) {
        self.shared.stats.lock().count(commit);
        self.shared.environment.observer.committed(&self.shared.config.lane, commit);
    }

    /// Lets a helper fill the next segment's file, and takes it when it is done.
    fn ask_for_blank(&mut self) {
        if let Some(helper) = self.helper.take_if(|helper| helper.is_finished()) {
            match helper.join() {
                Ok(Ok(blank)) => self.writer.offer_blank(blank),
                // The writer then makes its own, or uses the reserve.
                Ok(Err(error)) => {
                    let lane = &self.shared.config.lane;
                    tracing::warn!(%lane, %error, "journal segment could not be prepared");
                }
                Err(_) => {}
            }
            return;
        }
        if self.helper.is_some() {
            return;
        }
        let Some((name, bytes)) = self.writer.blank_request() else { return };
        let context = self.context.clone();
        let helper = thread::Builder::new().name("journal-blank".to_owned());
        self.helper = helper.spawn(move || make_blank(&context, &name, bytes, Fill::Zeros)).ok();
    }

    /// Sleeps until somebody waits, or the next deadline.
    fn pause(&mut self) {
        loop {
            if self.shared.closed.load(Ordering::Acquire) {
                return;
            }
            if self.shared.urgent.load(Ordering::Acquire) {
                self.let_group_grow();
                return;
            }
            let dirty = self.shared.dirty.load(Ordering::Acquire);
            let owes_sync = dirty || self.unsynced_since.is_some();
            if owes_sync && self.shared.sync_asked.load(Ordering::Acquire) {
                return;
            }
            let now = self.now();
            let mut deadline = self.upkeep_at;
            if dirty {
                let since = *self.dirty_since.get_or_insert(now);
                let within = micros(self.shared.config.write_within);
                deadline = deadline.min(since.saturating_add(within));
            }
            if let Some(since) = self.unsynced_since {
                let within = micros(self.shared.config.sync_within);
                deadline = deadline.min(since.saturating_add(within));
            }
            if now >= deadline {
                return;
            }
            thread::park_timeout(Duration::from_micros(deadline - now));
        }
    }

    fn let_group_grow(&self) {
        let delay = micros(self.shared.config.group_delay);
        let until = self.now().saturating_add(delay);
        while delay > 0 && !self.shared.closed.load(Ordering::Acquire) {
            let now = self.now();
            if now >= until {
                return;
            }
            thread::park_timeout(Duration::from_micros(until - now));
        }
    }

    fn finish(mut self) -> Result<(), AppendError> {
        if let Some(helper) = self.helper.take()
            && let Ok(Ok(blank)) = helper.join()
        {
            self.writer.offer_blank(blank);
        }
        let closed = self.writer.close(self.wall());
        self.confirm();
        for (_, sender) in self.waiting.drain(..) {
            answer(sender, Err(AppendError::Closed));
        }
        self.publish();
        closed
    }
}

/// However the thread ends, nobody may go on leaving records that nobody will write.
struct EndInbox<'a>(&'a Shared);

impl Drop for EndInbox<'_> {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.inbox.end();
        drop(self.0.inbox.drain(crate::record::Group::default()));
    }
}

fn answer(sender: ReceiptSender, result: Result<u64, AppendError>) {
    // Whoever asked may have gone; the record stays.
    let _ = sender.send(result);
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
