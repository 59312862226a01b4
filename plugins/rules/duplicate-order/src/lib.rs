//! Rule `duplicate-order`: the same order number, by the same buyer, already claimed under another
//! key.
//!
//! A repeated key itself posts nothing, for ever; that is the ledger's business. This rule looks at
//! orders whose key differs only because they came through another order space: a network and the
//! shop claiming the same sale. The host counts them in the fact `orders_same_ref_30d`.
//!
//! Configuration: `allowed` (how many such orders are harmless, default 0), `decision` (`hold`, the
//! default, or `reject`).

use plugin_sdk::json::Json;
use plugin_sdk::rules::{Severity, integer_fact, verdict, whole_number};
use plugin_sdk::run::FromConfig;
use plugin_sdk::types::{Candidate, Decision, Verdict};

/// The host's count of other orders.
pub const FACT: &str = "orders_same_ref_30d";

/// What the operator set.
#[derive(Debug)]
pub struct Config {
    allowed: i64,
    severity: Severity,
}

impl FromConfig for Config {
    fn from_config(config: &Json<'_>) -> Result<Self, String> {
        Ok(Self {
            allowed: whole_number(config, "allowed", 0)?,
            severity: Severity::from_config(config)?,
        })
    }
}

/// Holds an order that was already claimed elsewhere; abstains without an order number.
pub fn judge(candidate: &Candidate, config: &Config) -> Verdict {
    if candidate.claim.order_ref.is_none() {
        return verdict(Decision::Abstain, 0, "no_order_ref");
    }
    match integer_fact(candidate, FACT) {
        None => verdict(Decision::Hold, 50, "fact_missing"),
        Some(count) if count > config.allowed => {
            verdict(config.severity.decision(), 90, "same_order_ref")
        }
        Some(_) => verdict(Decision::Approve, 0, "first_of_its_number"),
    }
}

plugin_sdk::export_rule!(judge);

#[cfg(test)]
mod tests {
    use plugin_sdk::testkit::check_rule;

    #[test]
    fn recorded_cases_give_what_they_expect() {
        check_rule(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), 4, super::judge_batch);
    }
}
