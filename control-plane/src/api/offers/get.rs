//! `GET /v1/offers/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::offers::KIND;
use crate::api::offers::live_terms;
use crate::api::offers::named;
use crate::api::offers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/offers/{id}", run!(get)).says("Show one offer").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    let terms = live_terms(call, row.id).await?;
    Ok(Answer::object(KIND, view(&row, &terms)))
}
