//! `GET /v1/links/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::links::Addresses;
use crate::api::links::KIND;
use crate::api::links::named;
use crate::api::links::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/links/{id}", run!(get)).says("Show one link").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    let addresses = Addresses::of(call).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}
