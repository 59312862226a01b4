//! `GET /v1/domains/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::KIND;
use crate::api::domains::named;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/domains/{id}", run!(get)).says("Show one tracking host").roles(OPERATORS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
