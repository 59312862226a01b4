//! Rule `velocity`: too many conversions of one customer within a day.
//!
//! The host counts them, this one included, in the fact `conversions_same_customer_24h`. Without a
//! customer reference there is nothing to count and the rule abstains.
//!
//! Configuration: `limit` (the count that is held, default 5), `decision` (`hold`, the default, or
//! `reject`).

use plugin_sdk::json::Json;
use plugin_sdk::rules::{Severity, integer_fact, verdict, whole_number};
use plugin_sdk::run::FromConfig;
use plugin_sdk::types::{Candidate, Decision, Verdict};

/// The host's count, this conversion included.
pub const FACT: &str = "conversions_same_customer_24h";
/// The count at which a person should look.
const LIMIT_DEFAULT: i64 = 5;

/// What the operator set.
#[derive(Debug)]
pub struct Config {
    limit: i64,
    severity: Severity,
}

impl FromConfig for Config {
    fn from_config(config: &Json<'_>) -> Result<Self, String> {
        let limit = whole_number(config, "limit", LIMIT_DEFAULT)?;
        if limit == 0 {
            return Err("limit is 0: every conversion would be held".into());
        }
        Ok(Self { limit, severity: Severity::from_config(config)? })
    }
}

/// Holds from the limit on.
pub fn judge(candidate: &Candidate, config: &Config) -> Verdict {
    if candidate.claim.customer_ref.is_none() {
        return verdict(Decision::Abstain, 0, "no_customer_ref");
    }
    match integer_fact(candidate, FACT) {
        None => verdict(Decision::Hold, 50, "fact_missing"),
        Some(count) if count >= config.limit => {
            verdict(config.severity.decision(), 70, "too_many_in_24h")
        }
        Some(_) => verdict(Decision::Approve, 0, "within_limit"),
    }
}

plugin_sdk::export_rule!(judge);

#[cfg(test)]
mod tests {
    use plugin_sdk::testkit::check_rule;

    #[test]
    fn recorded_cases_give_what_they_expect() {
        check_rule(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), 5, super::judge_batch);
    }
}
