//! Installed plugins, as the API sees them.

use serde_json::Value;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

/// One installed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInfo {
    /// Its name, which integrations refer to.
    pub name: String,
    /// `adapter` or `rule`.
    pub kind: &'static str,
    /// Its own version.
    pub version: String,
    /// Of the component, in hexadecimal digits.
    pub sha256: String,
    /// `queued`, `compiling`, `ready`, `active`, or why it is refused.
    pub state: String,
}

/// Who knows what is installed.
pub trait PluginList: Send + Sync + 'static {
    /// Every installed version.
    fn plugins(&self) -> Vec<PluginInfo>;

    /// Whether an integration may name this adapter.
    fn has_adapter(&self, name: &str) -> bool {
        self.plugins().iter().any(|plugin| plugin.name == name && plugin.kind == "adapter")
    }
}

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[Endpoint::list("/v1/plugins", run!(list)).says("List installed plugins").roles(OPERATORS)];

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = |plugin: &PluginInfo| {
        json!({
            "name": plugin.name,
            "kind": plugin.kind,
            "version": plugin.version,
            "sha256": plugin.sha256,
            "state": plugin.state,
        })
    };
    let data: Vec<Value> = call.api.plugins.plugins().iter().map(row).collect();
    Ok(Answer::rows(data, None))
}
