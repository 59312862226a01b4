//! How an outside system speaks: an integration's `config` and `status_map`.
//!
//! # Why
//!
//! What an adapter cannot use holds every record of its integration, so it is refused when it is
//! given. It is read by the very function the adapters read it with, natively: a schema of our own
//! would drift from theirs. Adapters that are not shipped may have further keys.

use model::money::Currency;
use plugin_sdk::config::Config;
use plugin_sdk::config::KEYS;
use serde_json::Value;
use serde_json::json;

use crate::api::input::Input;

/// The key that is given beside the configuration and handed to adapters inside it.
const STATUS_MAP: &str = "status_map";
/// Longest name of an own action in `goal_map`.
const GOAL_CHARS_MAX: usize = 64;

/// Both as given, with everything noted that `adapter` could not use.
pub(super) fn read(input: &mut Input, adapter: &str) -> (Value, Value) {
    let config = input.free("config").unwrap_or_else(|| json!({}));
    let status_map = input.free(STATUS_MAP).unwrap_or_else(|| json!({}));
    refuse_unknown(input, &config, adapter);
    let mut handed = config.clone();
    handed[STATUS_MAP] = status_map.clone();
    for fault in Config::faults(&handed.to_string()) {
        let is_beside = fault.key.split('.').next() == Some(STATUS_MAP);
        let place = if is_beside { fault.key } else { format!("config.{}", fault.key) };
        input.refuse(&place, fault.detail);
    }
    if config["currency"].as_str().is_some_and(|code| Currency::parse(code).is_err()) {
        input.refuse("config.currency", "is not a currency");
    }
    for (word, goal) in config["goal_map"].as_object().into_iter().flatten() {
        let length = goal.as_str().map(|goal| goal.chars().count());
        if length.is_some_and(|length| !(1..=GOAL_CHARS_MAX).contains(&length)) {
            let detail = format!("must be text of 1 to {GOAL_CHARS_MAX} characters");
            input.refuse(&format!("config.goal_map.{word}"), detail);
        }
    }
    (config, status_map)
}

fn refuse_unknown(input: &mut Input, config: &Value, adapter: &str) {
    let is_shipped = bundle::guests().iter().any(|guest| guest.name == adapter);
    for key in config.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
        if key == STATUS_MAP {
            input.refuse("config.status_map", "stands beside config, not in it");
        } else if is_shipped && !KEYS.contains(&key) {
            let detail = format!("is not a key that {adapter} reads");
            input.refuse(&format!("config.{key}"), detail);
        }
    }
}
