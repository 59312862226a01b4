//! Compiled links: one bounded cache for all threads and a small one in front of it on each.
//!
//! # Why two
//!
//! A hit of the shared cache is queued for its housekeeping and costs more than the whole rest of a redirect may. The
//! front cache is a plain array of one thread: no lock, no counter, no list. It is emptied by every change of the
//! catalog, so a stopped link cannot hide in it.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::clock::Timestamp;
use moka::sync::Cache;

use crate::links::Compiled;

/// Entries of a front cache; a power of two.
const FRONT_ENTRIES: usize = 4096;
/// How long a slug is known to lead nowhere.
pub const UNKNOWN_FOR: Duration = Duration::from_secs(1);
/// What an entry costs beside its texts, in bytes.
const ENTRY_BYTES: usize = 256;

/// What is known about a key.
#[derive(Debug, Clone)]
pub enum Known {
    Link(Arc<Compiled>),
    /// Nothing has this slug, as of this version and moment.
    Nothing {
        version: u64,
        at: Timestamp,
    },
}

impl Known {
    fn weight(&self) -> u32 {
        let texts = match self {
            Self::Link(link) => link.text_bytes(),
            Self::Nothing { .. } => 0,
        };
        u32::try_from(ENTRY_BYTES + texts).unwrap_or(u32::MAX)
    }
}

/// The cache all threads share. Keys are the table's hashes; the entry says which link it is.
#[derive(Debug, Clone)]
pub struct SharedCache(Cache<u64, Known>);

impl SharedCache {
    /// Bounded to about `bytes_max`.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &u64, known: &Known| known.weight();
        Self(Cache::builder().max_capacity(bytes_max).weigher(weigh).build())
    }

    #[must_use]
    pub fn get(&self, key: u64) -> Option<Known> {
        self.0.get(&key)
    }

    pub fn put(&self, key: u64, known: Known) {
        self.0.insert(key, known);
    }

    /// Forgets what is known about a key.
    pub fn forget(&self, key: u64) {
        self.0.invalidate(&key);
    }
}

/// A compiled link as a thread hands it around.
///
/// # Why twice counted
///
/// The inner count is shared by all threads, and two cores that count the same busy link take its line from each other
/// on every request. The outer count is this thread's own.
pub type Held = Rc<Arc<Compiled>>;

/// One thread's front cache.
#[derive(Debug)]
pub struct Front {
    version: Cell<u64>,
    slots: RefCell<Vec<Option<(u64, Held)>>>,
}

impl Default for Front {
    fn default() -> Self {
        Self { version: Cell::new(0), slots: RefCell::new(vec![None; FRONT_ENTRIES]) }
    }
}

impl Front {
    fn slot(key: u64) -> usize {
        // Bits that pick neither the shard nor the place in it.
        usize::try_from(key >> 8).unwrap_or_default() % FRONT_ENTRIES
    }

    /// The link under `key`, if it was put at this version of the catalog.
    #[must_use]
    pub fn get(&self, key: u64, version: u64) -> Option<Held> {
        if self.version.get() != version {
            self.slots.borrow_mut().fill(None);
            self.version.set(version);
            return None;
        }
        match &self.slots.borrow()[Self::slot(key)] {
            Some((held, link)) if *held == key => Some(Rc::clone(link)),
            _ => None,
        }
    }

    pub fn put(&self, key: u64, link: Held) {
        self.slots.borrow_mut()[Self::slot(key)] = Some((key, link));
    }
}
