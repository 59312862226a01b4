//! `PUT /v1/rules`: sets one rule by name. It counts for what is screened from then on.

use store::rules::RuleRow;
use store::rules::RuleState;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::ADMINS;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::given;
use crate::api::input::text;
use crate::api::rules::is_rule;
use crate::api::rules::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::put("/v1/rules", run!(put))
    .says("Set one rule: whether it counts, and its configuration")
    .roles(ADMINS)
    .fields(&[
        text("name").required().note("of an installed rule"),
        text("state").required().note("active | shadow | off"),
        field("config", Kind::Free).note("default: as it is"),
    ]);

async fn put(call: &mut Call) -> Outcome {
    let installed = call.api.plugins.plugins();
    let mut input = call.input();
    let name = input.needs_text("name", 64);
    if !name.is_empty() && !installed.iter().any(|plugin| is_rule(plugin, &name)) {
        input.refuse("name", "is not an installed rule");
    }
    let is_sent = input.has("state");
    let state = input.word("state", RuleState::parse, RuleState::ALL);
    if !is_sent {
        input.missing("state");
    }
    let config = input.free("config");
    input.finish()?;
    let known = call.tx.rules().list().await?.into_iter().find(|row| row.name == name);
    let config = config.or_else(|| known.map(|row| row.config));
    let config = config.unwrap_or_else(|| serde_json::json!({}));
    let row = RuleRow { name, state: given(state)?, config };
    call.tx.rules().put(&row, call.now).await?;
    Ok(Answer::json(view(&row, &installed)))
}
