//! Follows the published log in order and keeps the last good copy.
//!
//! One thread applies entries; redirect threads look at a [`View`]. What they see changes in this
//! order: the links and the directory, then the version number. A thread that sees the new number
//! therefore sees the new catalog, and a stopped link stops with the next request.
//!
//! # Why not a copy of everything per change
//!
//! Links are many and change one by one, so they live in a sharded table that is written in place;
//! everything else is small and is replaced whole.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use model::catalog::CatalogEntry;
use model::catalog::CatalogKey;
use model::catalog::CatalogKind;
use model::catalog::CatalogObject;
use model::clock::Clock;
use model::clock::Timestamp;
use model::id::LinkId;
use parking_lot::Condvar;
use parking_lot::Mutex;

use crate::catalog::directory::Directory;
use crate::catalog::snapshot::SnapshotError;
use crate::catalog::source::CatalogSource;
use crate::catalog::source::SourceError;
use crate::links::cache::Plans;
use crate::links::table::LinkTable;
use crate::links::table::TableWriter;

pub mod directory;
pub mod file;
pub mod snapshot;
pub mod source;

/// How long one look at the source may wait; the follower hears of its end this late at most.
const WAIT: Duration = Duration::from_millis(200);
/// How long an unavailable source is left alone.
const RETRY: Duration = Duration::from_millis(500);
/// A changed catalog is saved this long after the last save at the earliest.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// Saving takes at most one part in this many of the time.
const SAVE_SHARE: u32 = 20;

/// What the redirect threads see of the catalog.
#[derive(Debug)]
pub struct View {
    pub table: LinkTable,
    pub plans: Plans,
    directory: ArcSwap<Directory>,
    version: AtomicU64,
    progress: Progress,
}

/// How far the follower is.
#[derive(Debug, Default)]
struct Progress {
    position: Mutex<u64>,
    moved: Condvar,
    is_loaded: AtomicBool,
    is_unavailable: AtomicBool,
    unreadable: AtomicU64,
}

impl View {
    /// An empty catalog. `seed` keys the hashes of the table, so that nobody outside can choose
    /// collisions.
    #[must_use]
    pub fn new(seed: [u64; 2], plans: Plans) -> Self {
        Self {
            table: LinkTable::new(seed),
            plans,
            directory: ArcSwap::default(),
            version: AtomicU64::new(1),
            progress: Progress::default(),
        }
    }

    /// Rises with every change. Read it before anything that depends on the catalog.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// The last position of the log that is applied.
    #[must_use]
    pub fn position(&self) -> u64 {
        *self.progress.position.lock()
    }

    /// Blocks until the log is applied up to `position`; `false` when that takes longer than
    /// `within`.
    #[must_use]
    pub fn wait_for(&self, position: u64, within: Duration) -> bool {
        let mut held = self.progress.position.lock();
        !self.progress.moved.wait_while_for(&mut held, |at| *at < position, within).timed_out()
    }

    /// Whether the catalog was read up to what existed at start, or was loaded from the saved copy.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.progress.is_loaded.load(Ordering::Relaxed)
    }

    /// Whether the log cannot be followed at the moment.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.progress.is_unavailable.load(Ordering::Relaxed)
    }

    /// Entries that were missing or could not be read since the start.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.progress.unreadable.load(Ordering::Relaxed)
    }
}

/// Applies the log to a [`View`]. One thread owns it.
pub struct Follower {
    view: Arc<View>,
    source: Box<dyn CatalogSource>,
    clock: Arc<dyn Clock>,
    snapshot: PathBuf,
    directory: Directory,
    table: TableWriter,
    position: u64,
    /// What was sent again since a reset; `None` outside a resend.
    resent: Option<HashSet<CatalogKey>>,
    is_dirty: bool,
    saved_at: Timestamp,
    save_pause: Duration,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Follower").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Follower {
    /// A follower that begins with the saved copy, if there is a good one.
    pub fn new(
        view: Arc<View>,
        source: Box<dyn CatalogSource>,
        clock: Arc<dyn Clock>,
        snapshot: PathBuf,
    ) -> Self {
        let saved_at = clock.now();
        let mut follower = Self {
            view,
            source,
            clock,
            snapshot,
            directory: Directory::default(),
            table: TableWriter::default(),
            position: 0,
            resent: None,
            is_dirty: false,
            saved_at,
            save_pause: SAVE_EVERY,
        };
        follower.load();
        follower
    }

    fn load(&mut self) {
        let saved = match snapshot::load(&self.snapshot) {
            Ok(saved) => saved,
            Err(error @ SnapshotError::Damaged) => {
                tracing::error!(%error, "saved catalog was damaged, it is set aside");
                None
            }
            Err(SnapshotError::Io(error)) => {
                tracing::error!(%error, "saved catalog cannot be read");
                None
            }
        };
        if let Some((position, objects)) = saved {
            self.apply(objects.into_iter().map(CatalogEntry::Put).collect());
            // A copy from beyond the end of the log was made from another log.
            if self.source.head().is_none_or(|head| position <= head) {
                self.position = position;
            } else {
                tracing::warn!(
                    position,
                    "saved catalog is ahead of its log, reading the log from its beginning"
                );
            }
            self.view.progress.is_loaded.store(true, Ordering::Relaxed);
        }
        self.source.seek(self.position);
        self.publish_position();
    }

    /// Follows until `stop`, then saves a last copy. Meant for a thread of its own.
    pub fn run(mut self, stop: &AtomicBool) {
        let mut log_is_open = true;
        while !stop.load(Ordering::Relaxed) {
            if log_is_open {
                log_is_open = self.step();
            } else {
                std::thread::sleep(WAIT);
            }
            self.save_if_due();
        }
        if self.is_dirty {
            self.save();
        }
    }

    /// One batch. `false`: there will be no more.
    fn step(&mut self) -> bool {
        match self.source.next(WAIT) {
            Ok(batch) => {
                let is_caught_up = batch.position == self.position
                    || self.source.head().is_some_and(|head| batch.position >= head);
                self.view.progress.is_unavailable.store(false, Ordering::Relaxed);
                if batch.unreadable > 0 {
                    tracing::error!(count = batch.unreadable, "catalog entries could not be read");
                    self.view.progress.unreadable.fetch_add(batch.unreadable, Ordering::Relaxed);
                }
                self.is_dirty |= batch.position != self.position;
                self.position = batch.position;
                self.apply(batch.entries);
                self.publish_position();
                if is_caught_up {
                    self.view.progress.is_loaded.store(true, Ordering::Relaxed);
                }
                true
            }
            Err(SourceError::Closed) => {
                self.view.progress.is_loaded.store(true, Ordering::Relaxed);
                false
            }
            Err(error @ SourceError::Unavailable(_)) => {
                if !self.view.progress.is_unavailable.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "catalog is not followed"
                    );
                }
                std::thread::sleep(RETRY);
                true
            }
        }
    }

    fn publish_position(&self) {
        *self.view.progress.position.lock() = self.position;
        self.view.progress.moved.notify_all();
    }

    /// Applies entries in order and shows the result at once.
    fn apply(&mut self, entries: Vec<CatalogEntry>) {
        if entries.is_empty() {
            return;
        }
        let next = self.view.version() + 1;
        let mut is_directory_changed = false;
        for entry in entries {
            match entry {
                CatalogEntry::Reset => self.resent = Some(HashSet::new()),
                CatalogEntry::Put(object) => {
                    if let Some(resent) = &mut self.resent {
                        resent.insert(object.key());
                    }
                    if let CatalogObject::Link(link) = object {
                        self.table.put(&self.view.table, &link);
                    } else {
                        self.directory.put(object);
                        is_directory_changed = true;
                    }
                }
                CatalogEntry::Remove(key) => {
                    if let Some(resent) = &mut self.resent {
                        resent.remove(&key);
                    }
                    is_directory_changed |= self.remove(key);
                }
                CatalogEntry::Complete => {
                    is_directory_changed |= self.complete();
                }
            }
        }
        if is_directory_changed {
            self.directory.changed_at = next;
            self.view.directory.store(Arc::new(self.directory.clone()));
        }
        self.view.version.store(next, Ordering::Release);
    }

    /// Whether the directory changed.
    fn remove(&mut self, key: CatalogKey) -> bool {
        if key.kind == CatalogKind::Link {
            self.table.remove(&self.view.table, LinkId(key.id));
            return false;
        }
        self.directory.remove(key);
        true
    }

    /// Ends a resend: what was not sent again is gone.
    fn complete(&mut self) -> bool {
        let Some(resent) = self.resent.take() else { return false };
        let mut gone: Vec<CatalogKey> =
            self.directory.objects().map(|object| object.key()).collect();
        self.view.table.for_each(|link| {
            gone.push(CatalogKey { kind: CatalogKind::Link, id: link.id.0 });
        });
        gone.retain(|key| !resent.contains(key));
        let mut is_directory_changed = false;
        for key in gone {
            is_directory_changed |= self.remove(key);
        }
        is_directory_changed
    }

    fn save_if_due(&mut self) {
        // A resend in progress is no state to start from: what it did not reach yet would stay for
        // ever.
        let is_settled = self.is_dirty && self.resent.is_none();
        if is_settled && self.clock.now().since(self.saved_at) >= self.save_pause {
            self.save();
        }
    }

    fn save(&mut self) {
        if self.resent.is_some() {
            return;
        }
        let started_at = self.clock.now();
        let mut objects: Vec<CatalogObject> = self.directory.objects().collect();
        self.view.table.for_each(|link| objects.push(CatalogObject::Link(Box::new(link.into()))));
        if let Err(error) = snapshot::save(&self.snapshot, self.position, objects.into_iter()) {
            tracing::error!(%error, "catalog could not be saved");
        } else {
            self.is_dirty = false;
        }
        self.saved_at = self.clock.now();
        let took = self.saved_at.since(started_at);
        self.save_pause = SAVE_EVERY.max(took.saturating_mul(SAVE_SHARE));
    }
}
