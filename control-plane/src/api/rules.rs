//! Rules: which components judge conversions, and how they are set.

use serde_json::Value;
use serde_json::json;
use store::rules::RuleRow;

use crate::api::endpoint::Endpoint;
use crate::api::plugins::PluginInfo;

mod list;
mod put;

pub(crate) const ENDPOINTS: &[Endpoint] = &[list::ENDPOINT, put::ENDPOINT];

/// A rule with the version that judges; `null` for one that is not installed any more.
fn view(row: &RuleRow, installed: &[PluginInfo]) -> Value {
    let version = installed.iter().find(|plugin| is_rule(plugin, &row.name));
    json!({
        "name": row.name,
        "state": row.state.as_str(),
        "config": row.config,
        "version": version.map(|plugin| &plugin.version),
        "sha256": version.map(|plugin| &plugin.sha256),
    })
}

fn is_rule(plugin: &PluginInfo, name: &str) -> bool {
    plugin.kind == "rule" && plugin.name == name
}
