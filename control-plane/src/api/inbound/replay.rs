//! `POST /v1/inbound/{event_id}/replay`: through today's adapter and settings once more. Nothing is
//! counted twice.

use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::ADMINS;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::inbound::named;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/inbound/{event_id}/replay", "replay", run!(replay))
        .says("Process an inbound again")
        .roles(ADMINS)
        .on_its_own();

async fn replay(call: &mut Call) -> Outcome {
    call.input().finish()?;
    let row = named(call).await?;
    let Some(pipeline) = call.api.pipeline.clone() else {
        let error = FieldError::new("event_id", "cannot be replayed: no pipeline runs here");
        return Err(Problem::Conflict(error));
    };
    let done = pipeline.reprocess(call.caller.tenant, row.event).await?;
    Ok(Answer::json(json!({
        "event_id": row.event.to_string(),
        "outcome": done.outcome.as_str(),
        "reason": done.reason,
        "conversion_id": done.conversion.map(|id| id.to_string()),
    })))
}
