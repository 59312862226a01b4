//! `GET /v1/payouts/runs/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::payouts::RUN_KIND;
use crate::api::payouts::named_run;
use crate::api::payouts::view_run;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/payouts/runs/{id}", run!(get))
    .says("Show a payout run with its payouts")
    .roles(OPERATORS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named_run(call).await?;
    let payouts = call.tx.payouts().of_run(row.id).await?;
    Ok(Answer::object(RUN_KIND, view_run(&row, &payouts)))
}
