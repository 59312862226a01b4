//! `POST /v1/payouts/runs/{id}/approve`.

use store::payouts::RunState;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::payouts::RUN_KIND;
use crate::api::payouts::named_run;
use crate::api::payouts::view_run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/payouts/runs/{id}/approve", "approve", run!(approve))
        .says("Agree to a payout run, as a second person")
        .roles(FINANCE)
        .on_its_own();

async fn approve(call: &mut Call) -> Outcome {
    let row = named_run(call).await?;
    call.input().finish()?;
    let by = call.caller.key.to_string();
    let named = (call.caller.tenant, row.id);
    let row = call.api.desk.decide_run(named, RunState::Approved, &by).await?;
    Ok(Answer::object(RUN_KIND, view_run(&row, &[])))
}
