//! What operators are given: alerts on metrics that exist, units that are hardened alike.

use std::collections::BTreeSet;
use std::fs;

use harness::program::repository;

/// Section 8 of the contract.
const METRICS: &[&str] = &[
    "gammad_redirect_requests_total",
    "gammad_redirect_duration_seconds",
    "gammad_ingest_requests_total",
    "gammad_clicks_shed_total",
    "gammad_journal_bytes",
    "gammad_journal_sync_duration_seconds",
    "gammad_journal_records_total",
    "gammad_sink_lag_records",
    "gammad_sink_delivered_total",
    "gammad_links_loaded",
    "gammad_connections",
    "gammad_panics_total",
    "gamma_pipeline_records_total",
    "gamma_pipeline_lag_seconds",
    "gamma_postback_to_ledger_seconds",
    "gamma_unmatched_total",
    "gamma_unmatched_open",
    "gamma_held_open",
    "gamma_conversions_total",
    "gamma_ledger_check",
    "gamma_payouts",
    "gamma_plugin_calls_total",
    "gamma_plugin_call_duration_seconds",
    "gamma_webhook_deliveries_total",
];

fn read(path: &str) -> String {
    let text = fs::read_to_string(repository().join(path));
    text.unwrap_or_else(|error| format!("{path}: {error}"))
}

/// Every word of `text` that looks like a metric of ours.
fn metrics_of(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_part(letter))
        .filter(|word| word.starts_with("gamma_") || word.starts_with("gammad_"))
        .collect()
}

#[test]
fn tidy_alerts_name_metrics_of_the_contract() {
    let text = read("config/alerts.yml");
    let asked: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("expr:"))
        .flat_map(metrics_of)
        .collect();
    let unknown: Vec<_> = asked.iter().filter(|name| !METRICS.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let wanted = [
        "gamma_ledger_check",
        "gamma_payouts",
        "gamma_pipeline_lag_seconds",
        "gamma_unmatched_open",
        "gammad_clicks_shed_total",
        "gammad_panics_total",
        "gammad_sink_lag_records",
    ];
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), wanted);
}

/// The settings under `# Hardening` of a unit, in their order.
fn hardening(unit: &str) -> Vec<String> {
    let text = read(&format!("systemd/{unit}.service"));
    let from = text.split_once("# Hardening").map_or("", |(_, rest)| rest);
    let to = from.split_once("[Install]").map_or(from, |(until, _)| until);
    to.lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn tidy_units_are_hardened_alike_but_for_the_pages_that_plugins_need() {
    let daemon = hardening("gammad");
    let compiles = "MemoryDenyWriteExecute=yes";
    assert!(daemon.iter().any(|line| line == compiles), "{daemon:?}");
    let others: Vec<String> = daemon.into_iter().filter(|line| line != compiles).collect();
    assert!(others.len() > 20, "{others:?}");
    for unit in ["gamma", "gamma-up"] {
        assert_eq!(hardening(unit), others, "{unit}");
    }
}
