//! Honest counting: who is not counted, who is doubtful, and who is seen for the first time.
//!
//! Nobody is refused a redirect by what is decided here; the click only says what it is worth.

use std::cell::RefCell;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use model::click::FilteredReason;
use model::click::SuspectReason;
use model::clock::Timestamp;
use model::link::LinkNumber;
use siphasher::sip::SipHasher24;

use crate::catalog::directory::Signer;
use crate::limits::RateTable;
use crate::limits::SeenTable;
use crate::mint::Sighting;
use crate::mint::agent;
use crate::request::Request;

/// Slots of a thread's memory of User-Agents.
const AGENT_SLOTS: usize = 1024;
/// Addresses whose rate is counted at a time.
const ADDRESSES: usize = 1 << 16;
/// The visitor limit counts per minute.
const RATE_WINDOW_SECONDS: u64 = 60;

/// Limits of honest counting.
#[derive(Debug, Clone, Copy)]
pub struct VisitorLimits {
    /// The same visitor on the same link counts once in this time.
    pub unique_window: Duration,
    /// Clicks of one address per minute beyond which they are suspect.
    pub visitor_limit: u32,
    /// Visitors remembered; 8 bytes each.
    pub unique_visitors_max: usize,
}

/// What all threads know about visitors.
#[derive(Debug)]
pub struct Visitors {
    limits: VisitorLimits,
    seen: SeenTable,
    rates: RateTable,
    recalled: OnceLock<Recalled>,
}

/// First sights of before this start.
#[derive(Debug)]
struct Recalled {
    visits: Visits,
    /// From this second on all of them are over.
    until_seconds: u64,
}

/// First sights by what click records hold of a visitor.
///
/// # Why not in the memory of this life
///
/// A record holds the hash of the visitor under the key of its day, from which the one that this
/// life remembers by cannot be made. So what is read back is looked up by that hash, of today and
/// of yesterday, until the window is over.
#[derive(Debug)]
pub struct Visits {
    seen: SeenTable,
    window_seconds: u64,
    room: usize,
}

impl Visits {
    /// Room for as many visitors as are remembered otherwise.
    #[must_use]
    pub fn new(limits: VisitorLimits) -> Self {
        Self {
            seen: SeenTable::new(limits.unique_visitors_max),
            window_seconds: limits.unique_window.as_secs(),
            room: limits.unique_visitors_max,
        }
    }

    /// Remembers the first sight of a visitor on a link.
    pub fn add(&mut self, visitor: u64, link: LinkNumber, at: Timestamp) {
        self.seen.is_first(Self::hash(visitor, link), at.unix_ms() / 1000, self.window_seconds);
        self.room = self.room.saturating_sub(1);
    }

    /// Whether older ones would only push others out.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.room == 0
    }

    fn is_known(&self, visitor: u64, link: LinkNumber, now_seconds: u64) -> bool {
        self.seen.is_known(Self::hash(visitor, link), now_seconds, self.window_seconds)
    }

    /// The visitor is a keyed hash already: this one only mixes.
    fn hash(visitor: u64, link: LinkNumber) -> u64 {
        let mut hasher = SipHasher24::new();
        hasher.write_u64(visitor);
        hasher.write_u64(link.0);
        hasher.finish()
    }
}

/// What one thread remembers, so that an agent is read once and the key of the day is derived once.
#[derive(Debug)]
pub struct VisitorMemory {
    agents: RefCell<Vec<(u64, Option<FilteredReason>)>>,
    today: RefCell<Option<DayKey>>,
    yesterday: RefCell<Option<DayKey>>,
}

#[derive(Debug)]
struct DayKey {
    day: i64,
    /// Which secrets the key was derived from.
    signer: u64,
    hasher: SipHasher24,
}

impl Default for VisitorMemory {
    fn default() -> Self {
        Self {
            agents: RefCell::new(vec![(0, None); AGENT_SLOTS]),
            today: RefCell::default(),
            yesterday: RefCell::default(),
        }
    }
}

impl VisitorMemory {
    fn filtered(&self, agent_hash: u64, user_agent: &str) -> Option<FilteredReason> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash pick a slot")]
        let slot = agent_hash as usize % AGENT_SLOTS;
        let mut agents = self.agents.borrow_mut();
        // An empty slot is only taken for a hash of zero, which one agent in 2^64 has.
        if agents[slot].0 != agent_hash {
            agents[slot] = (agent_hash, agent::filtered(user_agent));
        }
        agents[slot].1
    }

    fn of_today(&self, signer: &Signer, now: Timestamp, visitor: u64) -> u64 {
        of_day(&self.today, signer, now.utc_day(), visitor)
    }

    fn of_yesterday(&self, signer: &Signer, now: Timestamp, visitor: u64) -> u64 {
        of_day(&self.yesterday, signer, now.utc_day() - 1, visitor)
    }
}

fn of_day(key: &RefCell<Option<DayKey>>, signer: &Signer, day: i64, visitor: u64) -> u64 {
    let mut held = key.borrow_mut();
    if !held.as_ref().is_some_and(|key| key.day == day && key.signer == signer.generation) {
        let hasher = signer.visitor_hasher(day);
        *held = Some(DayKey { day, signer: signer.generation, hasher });
    }
    let mut hasher = held.as_ref().map_or_else(SipHasher24::new, |key| key.hasher);
    hasher.write_u64(visitor);
    hasher.finish()
}

/// An address as hashed: IPv4 and its mapped form are one.
fn address_bits(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// What one host of an address can vary: nothing in IPv4, the lower half of IPv6.
fn network_bits(address: u128) -> u128 {
    let is_v4 = address >> 32 == 0xFFFF;
    if is_v4 { address } else { address & !u128::from(u64::MAX) }
}

impl Visitors {
    /// Empty memories of the configured size.
    #[must_use]
    pub fn new(limits: VisitorLimits) -> Self {
        Self {
            limits,
            seen: SeenTable::new(limits.unique_visitors_max),
            rates: RateTable::new(ADDRESSES),
            recalled: OnceLock::new(),
        }
    }

    /// What counts and for how long.
    #[must_use]
    pub const fn limits(&self) -> VisitorLimits {
        self.limits
    }

    /// Takes over first sights of before this start, once.
    pub fn recall(&self, visits: Visits, now: Timestamp) {
        if visits.room == self.limits.unique_visitors_max {
            // Nobody was there: nothing needs looking up.
            return;
        }
        let until_seconds = now.unix_ms() / 1000 + self.limits.unique_window.as_secs();
        let _ = self.recalled.set(Recalled { visits, until_seconds });
    }

    /// Whether a visitor, by the hashes of both days, was seen on a link before this start.
    fn is_recalled(
        &self,
        hashes: impl FnOnce() -> [u64; 2],
        link: LinkNumber,
        now_seconds: u64,
    ) -> bool {
        let recalled = self.recalled.get().filter(|kept| now_seconds < kept.until_seconds);
        recalled.is_some_and(|kept| {
            hashes().iter().any(|hash| kept.visits.is_known(*hash, link, now_seconds))
        })
    }

    /// What a click by this request on this link is worth.
    pub fn sight(
        &self,
        memory: &VisitorMemory,
        signer: &Signer,
        (request, link): (&Request<'_>, LinkNumber),
        now: Timestamp,
    ) -> Sighting {
        let hash = |parts: &[&[u8]]| {
            let mut hasher = signer.visitor_base;
            for part in parts {
                hasher.write(part);
            }
            hasher.finish()
        };
        let address = address_bits(request.client);
        let agent_hash = hash(&[request.user_agent.as_bytes()]);
        let base = hash(&[&agent_hash.to_be_bytes(), &address.to_be_bytes()]);
        let visitor = memory.of_today(signer, now, base);
        let filtered = if request.is_prefetch {
            Some(FilteredReason::Prefetch)
        } else {
            memory.filtered(agent_hash, request.user_agent)
        };
        if filtered.is_some() {
            return Sighting { visitor, unique: false, filtered, suspect: None };
        }
        let seconds = now.unix_ms() / 1000;
        let network = hash(&[&network_bits(address).to_be_bytes()]);
        let count = self.rates.hit(network, seconds / RATE_WINDOW_SECONDS);
        let suspect = if count > self.limits.visitor_limit {
            Some(SuspectReason::OverLimit)
        } else if !request.has_accept {
            Some(SuspectReason::NoAccept)
        } else {
            let seen = hash(&[&base.to_be_bytes(), &link.0.to_be_bytes()]);
            let window = self.limits.unique_window.as_secs();
            let hashes = || [visitor, memory.of_yesterday(signer, now, base)];
            let is_repeat = self.is_recalled(hashes, link, seconds)
                || !self.seen.is_first(seen, seconds, window);
            is_repeat.then_some(SuspectReason::Repeat)
        };
        Sighting { visitor, unique: suspect.is_none(), filtered, suspect }
    }
}
