//! `POST /v1/adjustments/{id}/reject`.

use store::office::AdjustmentStatus;

use crate::api::adjustments::KIND;
use crate::api::adjustments::named;
use crate::api::adjustments::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/adjustments/{id}/reject", "reject", run!(reject))
        .says("Reject a correction")
        .roles(FINANCE)
        .on_its_own();

async fn reject(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    call.input().finish()?;
    let by = call.caller.key.to_string();
    let named = (call.caller.tenant, row.id);
    let row = call.api.desk.decide_adjustment(named, AdjustmentStatus::Rejected, &by).await?;
    Ok(Answer::object(KIND, view(&row)))
}
