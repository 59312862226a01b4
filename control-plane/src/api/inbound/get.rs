//! `GET /v1/inbound/{event_id}`: raw request, parsed claim, outcome. 404 until the pipeline has
//! ended it.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::inbound::detail;
use crate::api::inbound::named;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/inbound/{event_id}", run!(get))
    .says("Show one inbound: raw request, claims, outcome")
    .roles(OPERATORS_ADVERTISERS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::json(detail(&row)))
}
