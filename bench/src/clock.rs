//! The one place of the benchmarks that looks at a clock.
#![expect(clippy::disallowed_methods, reason = "time is what is measured here")]

use std::time::Instant;

/// Now, monotonic.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Now, as RFC 3339 in UTC.
#[must_use]
pub fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
