//! Metrics of the control plane: names, label values, and the few places that count.
//!
//! Labels come from closed sets; never an id, never a text from outside.

use std::time::Duration;

use metrics::counter;
use metrics::describe_counter;
use metrics::describe_gauge;
use metrics::describe_histogram;
use metrics::gauge;
use metrics::histogram;
use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::outcome::Outcome;
use store::payouts::PayoutState;

use crate::pipeline::Ended;

/// Inbounds by how they ended.
pub const PIPELINE_RECORDS: &str = "gamma_pipeline_records_total";
/// Age of the oldest record of the batch at hand, in seconds.
pub const PIPELINE_LAG: &str = "gamma_pipeline_lag_seconds";
/// From accepting an inbound to its commit, in seconds.
pub const POSTBACK_TO_LEDGER: &str = "gamma_postback_to_ledger_seconds";
/// Unmatched inbounds by reason.
pub const UNMATCHED: &str = "gamma_unmatched_total";
/// Unmatched claims that nothing has resolved yet, by reason.
pub const UNMATCHED_OPEN: &str = "gamma_unmatched_open";
/// Conversions that wait for a review.
pub const HELD_OPEN: &str = "gamma_held_open";
/// Changes of conversions by the status they led to.
pub const CONVERSIONS: &str = "gamma_conversions_total";
/// Payouts by state.
pub const PAYOUTS: &str = "gamma_payouts";
/// Ledger checks; each must be 0.
pub const LEDGER_CHECK: &str = "gamma_ledger_check";

/// Always 1; its labels say what runs.
pub const BUILD_INFO: &str = "gamma_build_info";

/// Describes every metric of this program once.
pub fn describe() {
    describe_gauge!(BUILD_INFO, "What runs");
    let commit = option_env!("GAMMA_COMMIT").unwrap_or("unknown");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION"), "commit" => commit).set(1.0);
    describe_counter!(PIPELINE_RECORDS, "Inbounds by how they ended");
    describe_gauge!(PIPELINE_LAG, "Age of the oldest record of the batch at hand");
    describe_histogram!(POSTBACK_TO_LEDGER, "From accepting an inbound to its commit");
    describe_counter!(UNMATCHED, "Unmatched inbounds by reason");
    describe_gauge!(UNMATCHED_OPEN, "Unmatched claims that are still open, by reason");
    describe_gauge!(HELD_OPEN, "Conversions that wait for a review");
    describe_counter!(CONVERSIONS, "Changes of conversions by the status they led to");
    describe_gauge!(PAYOUTS, "Payouts by state");
    describe_gauge!(LEDGER_CHECK, "Ledger checks; each must be 0");
}

pub(crate) fn pipeline_lag(lag: Duration) {
    gauge!(PIPELINE_LAG).set(lag.as_secs_f64());
}

pub(crate) fn inbound_ended(ended: &Ended<'_>, now: Timestamp) {
    counter!(PIPELINE_RECORDS, "outcome" => ended.outcome.as_str()).increment(1);
    histogram!(POSTBACK_TO_LEDGER).record(now.since(ended.received_at).as_secs_f64());
    if ended.outcome == Outcome::Unmatched
        && let Some(reason) = ended.reason.and_then(model::outcome::Reason::parse)
    {
        counter!(UNMATCHED, "reason" => reason.as_str()).increment(1);
    }
    let is_change = matches!(
        ended.outcome,
        Outcome::Converted | Outcome::Updated | Outcome::Held | Outcome::Rejected
    );
    if let (true, Some(status)) = (is_change, ended.status) {
        conversion(status);
    }
}

pub(crate) fn conversion(status: ConversionStatus) {
    counter!(CONVERSIONS, "status" => status.as_str()).increment(1);
}

pub(crate) fn refused(count: usize) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    counter!(PIPELINE_RECORDS, "outcome" => Outcome::Refused.as_str()).increment(count);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; open counts are far below 2^52"
)]
pub(crate) fn open_counts(unmatched: &[(model::outcome::Reason, i64)], held: i64) {
    for (reason, count) in unmatched {
        gauge!(UNMATCHED_OPEN, "reason" => reason.as_str()).set(*count as f64);
    }
    gauge!(HELD_OPEN).set(held as f64);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts are far below 2^52")]
pub(crate) fn payouts(counts: &[(PayoutState, i64)]) {
    for (state, count) in counts {
        gauge!(PAYOUTS, "state" => state.as_str()).set(*count as f64);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; any value but 0 is an alarm")]
pub(crate) fn ledger_check(check: &'static str, value: i64) {
    gauge!(LEDGER_CHECK, "check" => check).set(value as f64);
}
