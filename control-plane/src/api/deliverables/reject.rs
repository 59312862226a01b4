//! `POST /v1/deliverables/{id}/reject`.

use model::catalog::Role;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::deliverables::KIND;
use crate::api::deliverables::named;
use crate::api::deliverables::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::settle::Reviewer;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/deliverables/{id}/reject", "reject", run!(reject))
        .says("Reject content: it earns nothing")
        .roles(&[Role::Admin, Role::Finance, Role::Advertiser])
        .fields(&[text("reason").note("kept with the deliverable and shown")])
        .on_its_own();

async fn reject(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    let reason = input.text("reason", 1000);
    input.finish()?;
    let by = call.caller.key.to_string();
    let reviewer = Reviewer { by: &by, reason: reason.as_deref() };
    let named = (call.caller.tenant, row.id);
    let row = call.api.desk.reject_deliverable(named, reviewer).await?;
    Ok(Answer::object(KIND, view(&row)))
}
