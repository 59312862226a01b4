//! Pauses a plugin for a tenant after too many failures, so that one bad input stream cannot burn
//! the threads of all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::limits::{BREAKER_CALLS_MIN, BREAKER_SPAN, BREAKER_TRAPS_MAX};
use crate::values::PluginIdentity;

/// Pairs of tenant and component that are remembered; beyond it the finished spans are forgotten
/// first.
const PAIRS_MAX: usize = 10_000;

/// Counts per tenant and component, in spans of a minute.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    spans: Mutex<HashMap<Pair, Span>>,
}

type Pair = (Arc<str>, Arc<PluginIdentity>);

#[derive(Debug)]
struct Span {
    began_at: Duration,
    calls: u32,
    failures: u32,
    open_until: Option<Duration>,
}

impl Breaker {
    /// Whether this component may run for this tenant now.
    pub(crate) fn is_closed(
        &self,
        tenant: &Arc<str>,
        plugin: &Arc<PluginIdentity>,
        now: Duration,
    ) -> bool {
        let spans = self.spans.lock();
        match spans.get(&(Arc::clone(tenant), Arc::clone(plugin))) {
            Some(Span { open_until: Some(open_until), .. }) => now >= *open_until,
            _ => true,
        }
    }

    /// Counts a call. More than five failures in a span, or one in a hundred of many calls, open it
    /// for a span.
    pub(crate) fn count(
        &self,
        tenant: &Arc<str>,
        plugin: &Arc<PluginIdentity>,
        now: Duration,
        is_failure: bool,
    ) {
        let mut spans = self.spans.lock();
        if spans.len() >= PAIRS_MAX {
            spans.retain(|_, span| now < span.began_at + BREAKER_SPAN);
        }
        let span = spans.entry((Arc::clone(tenant), Arc::clone(plugin))).or_insert(Span {
            began_at: now,
            calls: 0,
            failures: 0,
            open_until: None,
        });
        if now >= span.began_at + BREAKER_SPAN {
            *span = Span { began_at: now, calls: 0, failures: 0, open_until: None };
        }
        span.calls += 1;
        span.failures += u32::from(is_failure);
        let is_share_high = span.calls >= BREAKER_CALLS_MIN
            && u64::from(span.failures) * 100 > u64::from(span.calls);
        if is_failure && (span.failures > BREAKER_TRAPS_MAX || is_share_high) {
            span.open_until = Some(now + BREAKER_SPAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Breaker;
    use crate::limits::{BREAKER_CALLS_MIN, BREAKER_SPAN, BREAKER_TRAPS_MAX};
    use crate::values::PluginIdentity;

    fn plugin() -> Arc<PluginIdentity> {
        Arc::new(PluginIdentity { name: "a".into(), version: "1".into(), sha256: "0".into() })
    }

    #[test]
    fn more_than_five_failures_in_a_minute_pause_one_tenants_plugin_for_a_minute() {
        let (breaker, plugin, tenant) = (Breaker::default(), plugin(), Arc::from("ten_1"));
        let now = Duration::from_secs(100);
        for _ in 0..BREAKER_TRAPS_MAX {
            breaker.count(&tenant, &plugin, now, true);
        }
        assert!(breaker.is_closed(&tenant, &plugin, now));
        breaker.count(&tenant, &plugin, now, true);
        assert!(!breaker.is_closed(&tenant, &plugin, now));
        assert!(breaker.is_closed(&Arc::from("ten_2"), &plugin, now));
        assert!(breaker.is_closed(&tenant, &plugin, now + BREAKER_SPAN));
    }

    #[test]
    fn failures_of_different_minutes_do_not_add_up() {
        let (breaker, plugin, tenant) = (Breaker::default(), plugin(), Arc::from("ten_1"));
        for minute in 0..20 {
            breaker.count(&tenant, &plugin, BREAKER_SPAN * minute, true);
            assert!(breaker.is_closed(&tenant, &plugin, BREAKER_SPAN * minute));
        }
    }

    #[test]
    fn one_failure_in_a_hundred_calls_is_borne_and_more_are_not() {
        let (breaker, plugin, tenant) = (Breaker::default(), plugin(), Arc::from("ten_1"));
        let now = Duration::ZERO;
        for _ in 1..BREAKER_CALLS_MIN {
            breaker.count(&tenant, &plugin, now, false);
        }
        breaker.count(&tenant, &plugin, now, true);
        assert!(breaker.is_closed(&tenant, &plugin, now));
        breaker.count(&tenant, &plugin, now, true);
        assert!(!breaker.is_closed(&tenant, &plugin, now));
    }
}
