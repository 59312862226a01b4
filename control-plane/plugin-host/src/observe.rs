//! What a host tells about its calls.

use std::time::Duration;

/// Calls by plugin and outcome.
pub const CALLS_TOTAL: &str = "gamma_plugin_calls_total";
/// How long they took, in seconds.
pub const CALL_DURATION_SECONDS: &str = "gamma_plugin_call_duration_seconds";

/// One call, or one that was turned away.
#[derive(Debug, Clone, Copy)]
pub struct CallReport<'a> {
    /// Registered name.
    pub plugin: &'a str,
    /// `ok`, or a word of `CallError::outcome`.
    pub outcome: &'static str,
    /// Time in the guest, instance and copying included; zero when it was turned away.
    pub duration: Duration,
    /// Records in the call.
    pub record_count: usize,
}

/// Who wants to know. Called on the threads that run guests: it must not block.
pub trait Observer: Send + Sync {
    /// A call ended.
    fn called(&self, report: &CallReport<'_>);
}

/// Writes the metrics of the contract, section 8. Names of plugins are a closed set: only
/// registered ones are called.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricsObserver;

impl MetricsObserver {
    /// Describes the metrics, once per recorder.
    pub fn describe() {
        metrics::describe_counter!(CALLS_TOTAL, "Calls of plugins by outcome");
        metrics::describe_histogram!(
            CALL_DURATION_SECONDS,
            metrics::Unit::Seconds,
            "Duration of plugin calls"
        );
    }
}

impl Observer for MetricsObserver {
    fn called(&self, report: &CallReport<'_>) {
        let plugin = report.plugin.to_owned();
        metrics::counter!(CALLS_TOTAL, "plugin" => plugin.clone(), "outcome" => report.outcome)
            .increment(1);
        if !report.duration.is_zero() {
            metrics::histogram!(CALL_DURATION_SECONDS, "plugin" => plugin).record(report.duration);
        }
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct SilentObserver;

impl Observer for SilentObserver {
    fn called(&self, _report: &CallReport<'_>) {}
}
