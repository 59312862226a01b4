//! `GET /v1/deliverables/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::deliverables::KIND;
use crate::api::deliverables::named;
use crate::api::deliverables::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/deliverables/{id}", run!(get)).says("Show a deliverable").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
