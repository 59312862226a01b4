//! What is kept compiled: plans in one bounded cache for all threads, and links in a small one on each.
//!
//! # Why plans and links apart
//!
//! What is dear to compile, the destination with its macros, is the same for all links of an offer; what differs from
//! link to link is a few ids that the table gives for less than a look into a shared cache costs. So the shared cache
//! holds plans, a handful for millions of links, and every thread keeps the links it served last. The front cache is a
//! plain array of one thread: no lock, no counter, no list. Every change of the catalog empties it, so a stopped link
//! cannot hide in it.

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
const FRONT_LINKS: usize = 16_384;
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
/// The inner count is shared by all threads, and two cores that count the same busy plan take its line from each other on
/// every request. The outer count is this thread's own.
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

/// What a thread knows about a key.
#[derive(Debug, Default)]
enum Known {
    #[default]
    Unasked,
    Link(u64, Box<Compiled>),
    /// Nothing had this slug then.
    Nothing(u64, Timestamp),
}

/// The answer of a front cache.
#[derive(Debug)]
pub enum Front<T> {
    /// The link, or that there is none.
    Known(Option<T>),
    Unasked,
}

/// One thread's caches, of one version of the catalog.
#[derive(Debug)]
pub struct FrontCache {
    version: Cell<u64>,
    links: RefCell<Vec<Known>>,
    plans: RefCell<HashMap<u64, Held>>,
}

impl Default for FrontCache {
    fn default() -> Self {
        let links = (0..FRONT_LINKS).map(|_| Known::Unasked).collect();
        Self { version: Cell::new(0), links: RefCell::new(links), plans: RefCell::default() }
    }
}

fn slot(key: u64) -> usize {
    // Bits that do not pick the shard.
    usize::try_from(key >> 8).unwrap_or_default() % FRONT_LINKS
}

impl FrontCache {
    /// Forgets everything unless it is of this version.
    pub fn follow(&self, version: u64) {
        if self.version.replace(version) != version {
            self.links.borrow_mut().fill_with(Known::default);
            self.plans.borrow_mut().clear();
        }
    }

    /// What is known about `key`. A link stays borrowed until it is dropped.
    #[must_use]
    pub fn get(&self, key: u64, now: Timestamp) -> Front<Ref<'_, Compiled>> {
        let links = self.links.borrow();
        match &links[slot(key)] {
            Known::Nothing(held, at) if *held == key && now.since(*at) < UNKNOWN_FOR => {
                Front::Known(None)
            }
            Known::Link(held, _) if *held == key => Front::Known(
                Ref::filter_map(links, |links| match &links[slot(key)] {
                    Known::Link(_, link) => Some(&**link),
                    Known::Nothing(..) | Known::Unasked => None,
                })
                .ok(),
            ),
            _ => Front::Unasked,
        }
    }

    /// Remembers what the table said.
    pub fn put(&self, key: u64, link: Option<Compiled>, now: Timestamp) {
        self.links.borrow_mut()[slot(key)] = match link {
            Some(link) => Known::Link(key, Box::new(link)),
            None => Known::Nothing(key, now),
        };
    }

    #[must_use]
    pub fn plan(&self, key: u64) -> Option<Held> {
        self.plans.borrow().get(&key).cloned()
    }

    pub fn put_plan(&self, key: u64, plan: Held) {
        let mut plans = self.plans.borrow_mut();
        if plans.len() >= FRONT_PLANS {
            plans.clear();
        }
        plans.insert(key, plan);
    }
}
