//! `GET /v1/payouts/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::payouts::KIND;
use crate::api::payouts::named;
use crate::api::payouts::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/payouts/{id}", run!(get)).says("Show a payout").roles(OPERATORS_PUBLISHERS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
