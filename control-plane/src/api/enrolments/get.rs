//! `GET /v1/enrolments/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::KIND;
use crate::api::enrolments::live_terms;
use crate::api::enrolments::named;
use crate::api::enrolments::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/enrolments/{id}", run!(get)).says("Show one enrolment").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    let terms = live_terms(call, row.id).await?;
    Ok(Answer::object(KIND, view(call, &row, &terms).await?))
}
