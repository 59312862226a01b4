//! `POST /v1/cases/{id}/close`: a person has settled it, and says how.

use model::id::CaseId;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::act("/v1/cases/{id}/close", "close", run!(close))
    .says("Close a case that a person has settled")
    .roles(FINANCE)
    .fields(&[text("reason").required().note("how it was settled")]);

async fn close(call: &mut Call) -> Outcome {
    let id: CaseId = call.path_id("id")?;
    let mut input = call.input();
    let reason = input.needs_text("reason", 2000);
    input.finish()?;
    let by = call.caller.key.to_string();
    let note = json!({ "by": by, "reason": reason });
    let row = call.tx.cases().close(id, note, call.now).await?.ok_or(Problem::NotFound)?;
    Ok(Answer::object("case", super::cases::view(&row)))
}
