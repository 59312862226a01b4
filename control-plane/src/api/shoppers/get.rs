//! `GET /v1/shoppers/{id}`.

use model::id::ShopperId;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::shoppers::KIND;
use crate::api::shoppers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/shoppers/{id}", run!(get)).says("Show one shopper").roles(OPERATORS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let id: ShopperId = call.path_id("id")?;
    let row = call.tx.shoppers().get(id).await?.ok_or(Problem::NotFound)?;
    Ok(Answer::object(KIND, view(&row)))
}
