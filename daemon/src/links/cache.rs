//! What is kept compiled: plans in one bounded cache for all threads, and links in a small one on
//! each.
//!
//! # Why plans and links apart
//!
//! What is dear to compile, the destination with its macros, is the same for all links of an offer;
//! what differs from link to link is a few ids that the table gives for less than a look into a
//! shared cache costs. So the shared cache holds plans, a handful for millions of links, and every
//! thread keeps the links it served last. The front cache is a plain array of one thread: no lock,
//! no counter, no list. An entry counts at the version of the catalog at which it was made and at
//! no other, so a stopped link cannot hide in it.

use std::cell::Cell;
use std::cell::Ref;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::clock::Timestamp;
use moka::sync::Cache;

use crate::links::Compiled;
use crate::links::Plan;

/// Links of a front cache; a power of two.
const FRONT_LINKS: usize = 32_768;
/// Plans that a thread holds at hand.
const FRONT_PLANS: usize = 1024;
/// How long a slug is known to lead nowhere.
pub const UNKNOWN_FOR: Duration = Duration::from_secs(1);
/// What a plan costs beside its texts, in bytes.
const PLAN_BYTES: usize = 512;

/// A plan as a thread hands it around.
///
/// # Why twice counted
///
/// The inner count is shared by all threads, and two cores that count the same busy plan take its
/// line from each other on every request. The outer count is this thread's own.
pub type Held = Rc<Arc<Plan>>;

/// The cache all threads share. Keys are hashes; a plan says what it is for.
#[derive(Debug, Clone)]
pub struct Plans(Cache<u64, Arc<Plan>>);

impl Plans {
    /// Bounded to about `bytes_max`.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &u64, plan: &Arc<Plan>| {
            u32::try_from(PLAN_BYTES + plan.text_bytes()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes_max).weigher(weigh).build())
    }

    #[must_use]
    pub fn get(&self, key: u64) -> Option<Arc<Plan>> {
        self.0.get(&key)
    }

    pub fn put(&self, key: u64, plan: Arc<Plan>) {
        self.0.insert(key, plan);
    }
}

/// What a thread knows about a key. The box of an older link is used again.
#[derive(Debug, Default)]
struct Known {
    key: u64,
    /// Version of the catalog at which it was asked; 0: never.
    version: u64,
    /// When nothing had this slug.
    unknown_at: Option<Timestamp>,
    link: Option<Box<Compiled>>,
}

/// The answer of a front cache.
#[derive(Debug)]
pub enum Front<T> {
    /// The link, or that there is none.
    Known(Option<T>),
    Unasked,
}

/// One thread's caches. What was learned at another version of the catalog does not count.
#[derive(Debug)]
pub struct FrontCache {
    links: RefCell<Vec<Known>>,
    plans: RefCell<HashMap<u64, Held>>,
    plans_version: Cell<u64>,
}

impl Default for FrontCache {
    fn default() -> Self {
        let links = (0..FRONT_LINKS).map(|_| Known::default()).collect();
        Self { links: RefCell::new(links), plans: RefCell::default(), plans_version: Cell::new(0) }
    }
}

fn slot(key: u64) -> usize {
    // Bits that do not pick the shard.
    usize::try_from(key >> 8).unwrap_or_default() % FRONT_LINKS
}

impl FrontCache {
    /// What is known about `key` at this version. A link stays borrowed until it is dropped.
    #[must_use]
    pub fn get(&self, key: u64, version: u64, now: Timestamp) -> Front<Ref<'_, Compiled>> {
        let links = self.links.borrow();
        let known = &links[slot(key)];
        if known.key != key || known.version != version {
            return Front::Unasked;
        }
        match known.unknown_at {
            None => {
                Front::Known(Ref::filter_map(links, |links| links[slot(key)].link.as_deref()).ok())
            }
            Some(at) if now.since(at) < UNKNOWN_FOR => Front::Known(None),
            Some(_) => Front::Unasked,
        }
    }

    /// Remembers what the table said.
    pub fn put(&self, (key, version): (u64, u64), link: Option<Compiled>, now: Timestamp) {
        let known = &mut self.links.borrow_mut()[slot(key)];
        (known.key, known.version) = (key, version);
        known.unknown_at = link.is_none().then_some(now);
        match (link, &mut known.link) {
            (Some(link), Some(held)) => **held = link,
            (Some(link), None) => known.link = Some(Box::new(link)),
            (None, _) => {}
        }
    }

    /// The plan under `key`, if it was put at this version.
    #[must_use]
    pub fn plan(&self, key: u64, version: u64) -> Option<Held> {
        if self.plans_version.get() != version {
            return None;
        }
        self.plans.borrow().get(&key).cloned()
    }

    pub fn put_plan(&self, (key, version): (u64, u64), plan: Held) {
        let mut plans = self.plans.borrow_mut();
        if self.plans_version.replace(version) != version || plans.len() >= FRONT_PLANS {
            plans.clear();
        }
        plans.insert(key, plan);
    }
}
