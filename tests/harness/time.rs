//! The one place of the tests that looks at a clock: the program under test is a real process with
//! real time.
#![expect(clippy::disallowed_methods, reason = "a real process is awaited, so real time bounds it")]

use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How long a test waits for something that happens by itself. Generous, for slow and busy
/// machines; a passing test waits a few polls only.
pub const PATIENCE: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(20);

/// Asks `probe` until it answers, and fails the test with `what` after [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe)
}

/// Asks `probe` until it answers, and fails the test with `what` after `limit`.
#[track_caller]
pub fn within<T>(limit: Duration, what: &str, probe: impl FnMut() -> Option<T>) -> T {
    poll(limit, probe).unwrap_or_else(|| fail(what, limit))
}

/// Asks `probe` until it answers; `None` once `limit` has passed.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if begin.elapsed() > limit {
            return None;
        }
        thread::sleep(POLL);
    }
}

#[track_caller]
fn fail(what: &str, limit: Duration) -> ! {
    #[expect(clippy::panic, reason = "this is how a test fails")]
    {
        panic!("waited {} s in vain: {what}", limit.as_secs());
    }
}

/// Lets the process under test run for `span`: only to choose the instant of a kill, never to wait
/// for a result.
pub fn let_run(span: Duration) {
    thread::sleep(span);
}

/// A stopwatch.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Seconds since 1970.
#[must_use]
pub fn unix_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}
