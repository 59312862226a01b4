//! How much one caller may ask for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::NotUntil;
use governor::Quota;
use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use model::clock::Clock;
use model::id::KeyId;

use crate::api::error::Problem;

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Callers that are remembered before the ones that have been quiet are forgotten.
const CALLERS_KEPT: usize = 100_000;

/// Calls per caller.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls without a good credential, per address and minute.
    pub anonymous_per_minute: NonZeroU32,
    /// Calls per key and second.
    pub per_key_per_second: NonZeroU32,
}

impl Limits {
    /// No limit that a caller could meet: for clocks that stand still.
    pub const NONE: Self =
        Self { anonymous_per_minute: NonZeroU32::MAX, per_key_per_second: NonZeroU32::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        const ANONYMOUS: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
        const PER_KEY: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
        Self { anonymous_per_minute: ANONYMOUS, per_key_per_second: PER_KEY }
    }
}

/// Our clock as the limiter wants it.
#[derive(Clone)]
struct LimiterClock(Arc<dyn Clock>);

impl governor::clock::Clock for LimiterClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.now().0.max(0).unsigned_abs().saturating_mul(1000))
    }
}

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, LimiterClock, NoOpMiddleware<Nanos>>;

/// The limiters of one API.
pub(crate) struct Gate {
    clock: LimiterClock,
    anonymous: Keyed<IpAddr>,
    keys: Keyed<KeyId>,
}

impl Gate {
    pub(crate) fn new(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let clock = LimiterClock(clock);
        let anonymous = Quota::per_minute(limits.anonymous_per_minute);
        let keys = Quota::per_second(limits.per_key_per_second);
        Self {
            anonymous: RateLimiter::new(anonymous, DashMapStateStore::default(), clock.clone()),
            keys: RateLimiter::new(keys, DashMapStateStore::default(), clock.clone()),
            clock,
        }
    }

    /// A call without a good credential.
    pub(crate) fn admit_anonymous(&self, address: IpAddr) -> Result<(), Problem> {
        if self.anonymous.len() > CALLERS_KEPT {
            self.anonymous.retain_recent();
        }
        self.anonymous.check_key(&address).map_err(|until| self.too_many(&until))
    }

    /// A call with a good key.
    pub(crate) fn admit_key(&self, key: KeyId) -> Result<(), Problem> {
        self.keys.check_key(&key).map_err(|until| self.too_many(&until))
    }

    fn too_many(&self, until: &NotUntil<Nanos>) -> Problem {
        let wait = until.wait_time_from(self.clock.now());
        Problem::TooMany { retry_after_seconds: wait.as_secs() + 1 }
    }
}
