//! `POST /v1/payouts/runs/{id}/reject`.

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
    Endpoint::act("/v1/payouts/runs/{id}/reject", "reject", run!(reject))
        .says("Reject a payout run: its money is available again")
        .roles(FINANCE)
        .on_its_own();

async fn reject(call: &mut Call) -> Outcome {
    let row = named_run(call).await?;
    call.input().finish()?;
    let by = call.caller.key.to_string();
    let named = (call.caller.tenant, row.id);
    let row = call.api.desk.decide_run(named, RunState::Rejected, &by).await?;
    Ok(Answer::object(RUN_KIND, view_run(&row, &[])))
}
