//! A journal's environment for tests: real files, a clock that counts, chance from a seed.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use journal::Environment;
use journal::NoObserver;
use journal::RealStorage;
use journal::Time;

struct Counting(AtomicU64);

impl Time for Counting {
    fn wall_micros(&self) -> i64 {
        1_700_000_000_000_000 + i64::try_from(self.monotonic_micros()).unwrap_or(0)
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

pub(crate) fn environment(seed: u64) -> Environment {
    let next = AtomicU64::new(seed);
    Environment {
        storage: Arc::new(RealStorage::new()),
        time: Arc::new(Counting(AtomicU64::new(0))),
        entropy: Arc::new(move || {
            next.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).rotate_left(17)
        }),
        observer: Arc::new(NoObserver),
    }
}
