//! Limits with their units, and two bounded memories without locks: who was seen, and how often.
//!
//! # Why no locks
//!
//! Redirect threads share these tables. A slot is one word that is read and replaced whole, so a
//! thread never waits for another; two threads that race for a slot lose at most one remark about
//! one visitor.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Longest path and query, in bytes.
pub const URL_BYTES_MAX: usize = 8 * 1024;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of all header lines together.
pub const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Longest body of an inbound, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an oversized body that are read and thrown away, so that its sender can read our
/// answer.
pub const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// Buffer of a connection, in bytes: a URL and headers at their limits fit.
pub const CONNECTION_BUFFER_BYTES: usize = 32 * 1024;
/// Longest first line of a request that is parsed, in bytes; a longer one is a URL that is too
/// long. Well inside the buffer, so that it is seen before the parser gives up.
pub const REQUEST_LINE_BYTES_MAX: usize = 24 * 1024;
/// Events of one batch.
pub const BATCH_EVENTS_MAX: usize = 100;
/// Depth of JSON on the event API.
pub const JSON_DEPTH_MAX: usize = 16;
/// Properties of one event.
pub const PROPERTIES_MAX: usize = 64;
/// Body bytes kept of a refused request.
pub const REFUSED_BODY_BYTES_MAX: usize = 4 * 1024;
/// Path bytes kept of a refused request: what a stranger asks for is nobody's id.
pub const REFUSED_PATH_BYTES_MAX: usize = 256;
/// Query bytes kept of a refused request.
pub const REFUSED_QUERY_BYTES_MAX: usize = 4 * 1024;
/// Refused requests recorded per integration at once, as many as its debugger shows (those for
/// integrations that nobody knows: per tenant); what comes
/// faster than [`REFUSALS_PER_SECOND_MAX`] behind them is only counted.
pub const REFUSALS_BURST_MAX: u64 = 200;
/// Refused requests per integration and second that are recorded for good.
pub const REFUSALS_PER_SECOND_MAX: u64 = 20;
/// How far a signature's timestamp may be off, in seconds (Standard Webhooks 1.0.0 leaves it to the
/// receiver).
pub const SIGNATURE_AGE_SECONDS_MAX: i64 = 300;
/// Ids of signed messages remembered over all integrations; the oldest go first.
pub const REPLAY_IDS_MAX: usize = 131_072;
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER_SECONDS: u32 = 5;

/// Slots of one bucket: one cache line of words.
const WAYS: usize = 8;
/// Low bits of a slot hold seconds, high bits the fingerprint.
const TIME_BITS: u32 = 24;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// Remembers hashes for a while in a fixed number of words; the oldest of a bucket make room.
#[derive(Debug)]
pub struct SeenTable {
    slots: Box<[AtomicU64]>,
    bucket_mask: usize,
}

impl SeenTable {
    /// Room for about `entries`, rounded up to a power of two.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        let slots = entries.next_power_of_two().max(WAYS);
        Self {
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            bucket_mask: slots / WAYS - 1,
        }
    }

    /// Whether `hash` was not seen in the last `window_seconds`. A first sight is remembered from
    /// `now_seconds` on; seeing it again does not prolong the memory.
    pub fn is_first(&self, hash: u64, now_seconds: u64, window_seconds: u64) -> bool {
        let now = now_seconds & TIME_MASK;
        // Never zero, because zero is an empty slot.
        let fingerprint = (hash >> TIME_BITS) | 1;
        let slot = fingerprint << TIME_BITS | now;
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash pick a bucket")]
        let start = (hash as usize & self.bucket_mask) * WAYS;
        let bucket = &self.slots[start..start + WAYS];
        let mut victim = &bucket[0];
        let mut victim_age = 0;
        for word in bucket {
            let held = word.load(Ordering::Relaxed);
            let age = age(held, now);
            if held >> TIME_BITS == fingerprint & (u64::MAX >> TIME_BITS) && held != 0 {
                if age < window_seconds {
                    return false;
                }
                word.store(slot, Ordering::Relaxed);
                return true;
            }
            let is_empty_or_older = held == 0 || age >= victim_age;
            if is_empty_or_older && victim_age != u64::MAX {
                victim = word;
                victim_age = if held == 0 { u64::MAX } else { age };
            }
        }
        victim.store(slot, Ordering::Relaxed);
        true
    }
}

impl SeenTable {
    /// Whether `hash` was seen in the last `window_seconds`; nothing is remembered.
    pub fn is_known(&self, hash: u64, now_seconds: u64, window_seconds: u64) -> bool {
        let fingerprint = ((hash >> TIME_BITS) | 1) & (u64::MAX >> TIME_BITS);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash pick a bucket")]
        let start = (hash as usize & self.bucket_mask) * WAYS;
        self.slots[start..start + WAYS].iter().any(|word| {
            let held = word.load(Ordering::Relaxed);
            held != 0
                && held >> TIME_BITS == fingerprint
                && age(held, now_seconds & TIME_MASK) < window_seconds
        })
    }
}

/// Seconds since a slot was written, in the arithmetic of its 24 bits. A clock that went back makes
/// it young.
const fn age(held: u64, now: u64) -> u64 {
    let age = now.wrapping_sub(held & TIME_MASK) & TIME_MASK;
    if age > TIME_MASK / 2 { 0 } else { age }
}

/// Low bits of a word hold the count, the sixteen above them the window.
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// Counts hits per key and window in a fixed number of words. Two keys on one slot push each other
/// out, which can only make a count too low: nobody is called a flood because of a neighbour.
#[derive(Debug)]
pub struct RateTable {
    slots: Box<[AtomicU64]>,
    mask: usize,
}

impl RateTable {
    /// Room for about `keys` at a time, rounded up to a power of two.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        let slots = keys.next_power_of_two();
        Self { slots: (0..slots).map(|_| AtomicU64::new(0)).collect(), mask: slots - 1 }
    }

    /// Counts one hit of `hash` in the window with this number; answers the count so far, this one
    /// included.
    pub fn hit(&self, hash: u64, window: u64) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash pick a slot")]
        let word = &self.slots[hash as usize & self.mask];
        let name = (hash & 0xFFFF_FF00_0000_0000) | (window & 0xFFFF) << COUNT_BITS;
        let held = word.load(Ordering::Relaxed);
        let count = if held & !COUNT_MASK == name { held & COUNT_MASK } else { 0 };
        let count = (count + 1).min(COUNT_MASK);
        word.store(name | count, Ordering::Relaxed);
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Budgets per key: a burst, filled up again at a steady rate. One word per key, without locks.
#[derive(Debug)]
pub struct BurstTable {
    slots: Box<[AtomicU64]>,
    mask: usize,
    burst_ms: u64,
    interval_ms: u64,
}

/// Low bits of a budget hold the unix millisecond at which it is full again.
const FULL_BITS: u32 = 42;
const FULL_MASK: u64 = (1 << FULL_BITS) - 1;

impl BurstTable {
    /// Room for about `keys` at a time; each may spend `burst` at once and `per_second` for good.
    #[must_use]
    pub fn new(keys: usize, burst: u64, per_second: u64) -> Self {
        let slots = keys.next_power_of_two();
        let interval_ms = 1000 / per_second.clamp(1, 1000);
        Self {
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            mask: slots - 1,
            burst_ms: burst * interval_ms,
            interval_ms,
        }
    }

    /// Whether the budget of `hash` still had one at this unix millisecond, which is now spent.
    pub fn spend(&self, hash: u64, now_ms: u64) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash pick a slot")]
        let word = &self.slots[hash as usize & self.mask];
        let held = word.load(Ordering::Relaxed);
        let full_at = if (held ^ hash) & !FULL_MASK == 0 { held & FULL_MASK } else { 0 };
        // Never further ahead than an empty budget, should the clock have gone back.
        let empty = now_ms + self.burst_ms;
        let full_at = full_at.clamp(now_ms, empty);
        let is_spent = full_at + self.interval_ms > empty;
        let full_at = if is_spent { full_at } else { full_at + self.interval_ms };
        word.store((hash & !FULL_MASK) | (full_at & FULL_MASK), Ordering::Relaxed);
        !is_spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads small numbers over 64 bits.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.rotate_left(40)
    }

    #[test]
    fn a_visitor_is_new_once_per_window() {
        let table = SeenTable::new(1024);
        assert!(table.is_first(hash(1), 100, 60));
        assert!(!table.is_first(hash(1), 159, 60));
        assert!(table.is_first(hash(1), 160, 60));
        assert!(!table.is_first(hash(1), 219, 60));
        assert!(table.is_known(hash(1), 219, 60));
        assert!(!table.is_known(hash(1), 220, 60));
        assert!(!table.is_known(hash(2), 219, 60));
    }

    #[test]
    fn a_clock_that_goes_back_makes_nobody_new() {
        let table = SeenTable::new(1024);
        assert!(table.is_first(hash(1), 100_000, 60));
        assert!(!table.is_first(hash(1), 90_000, 60));
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_youngest() {
        let table = SeenTable::new(64);
        for number in 0..10_000 {
            table.is_first(hash(number), 1_000 + number, 1_000_000);
        }
        let remembered =
            (0..10_000).filter(|number| !table.is_first(hash(*number), 11_001, 1_000_000)).count();
        assert!(remembered <= 64);
        assert_eq!(table.slots.len(), 64);
    }

    #[test]
    fn distinct_visitors_are_distinct() {
        let table = SeenTable::new(1 << 16);
        let firsts = (0..20_000).filter(|number| table.is_first(hash(*number), 7, 60)).count();
        assert_eq!(firsts, 20_000);
    }

    #[test]
    fn hits_are_counted_beyond_sixteen_bits() {
        let table = RateTable::new(16);
        let most = (0..100_000).map(|_| table.hit(hash(9), 5)).max();
        assert_eq!(most, Some(100_000));
    }

    #[test]
    fn a_budget_is_a_burst_that_fills_up_again() {
        let table = BurstTable::new(16, 200, 20);
        let now = 1_700_000_000_000;
        let spent = |at: u64| (0..1000).filter(|_| table.spend(hash(3), at)).count();
        assert_eq!([spent(now), spent(now + 49), spent(now + 50)], [200, 0, 1]);
        assert_eq!([spent(now + 1050), spent(now + 3_600_000)], [20, 200]);
        // A clock that went back does not lock anybody out for longer than a burst takes.
        assert_eq!([spent(now), spent(now + 10_000)], [0, 200]);
    }

    #[test]
    fn hits_are_counted_per_window() {
        let table = RateTable::new(16);
        let counts: Vec<u32> = [5, 5, 5, 6, 6].map(|window| table.hit(hash(9), window)).into();
        assert_eq!(counts, [1, 2, 3, 1, 2]);
    }
}
