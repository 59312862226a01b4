//! What the journal stands on in a real program: the disk, the machine's clocks, the system's
//! randomness.

use std::sync::Arc;
use std::time::Instant;

use journal::Environment;
use journal::NoObserver;
use journal::RealStorage;
use journal::Time;
use model::clock::Clock as _;
use model::clock::SystemClock;
use rand::RngCore as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

struct SystemTime {
    started: Instant,
}

impl Time for SystemTime {
    fn wall_micros(&self) -> i64 {
        SystemClock.now().0
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The environment of a journal on this machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a composition root starts the monotonic clock")]
pub fn environment() -> Environment {
    Environment {
        storage: Arc::new(RealStorage::new()),
        time: Arc::new(SystemTime { started: Instant::now() }),
        entropy: Arc::new(|| StdRng::from_os_rng().next_u64()),
        observer: Arc::new(NoObserver),
    }
}
