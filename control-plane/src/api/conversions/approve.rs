//! `POST /v1/conversions/{id}/approve`: yes to what waits for a person. A hold ends, held news
//! counts. 409 where nothing waits.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::conversions::KIND;
use crate::api::conversions::named;
use crate::api::conversions::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::settle::Reviewer;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/conversions/{id}/approve", "approve", run!(approve))
        .says("Let a held conversion, or news that changes it back, through")
        .roles(FINANCE)
        .fields(&[text("reason").note("kept with the conversion and shown")])
        .on_its_own();

async fn approve(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    let reason = input.text("reason", 1000);
    input.finish()?;
    let by = call.caller.key.to_string();
    let reviewer = Reviewer { by: &by, reason: reason.as_deref() };
    let row = call.api.desk.approve(call.caller.tenant, row.id, reviewer).await?;
    Ok(Answer::object(KIND, view(&row, call.now)))
}
