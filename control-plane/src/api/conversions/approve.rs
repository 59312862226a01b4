//! `POST /v1/conversions/{id}/approve`: nothing speaks against it any more; released at once if its
//! hold is over.

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

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/conversions/{id}/approve", "approve", run!(approve))
        .says("Let a held conversion through")
        .roles(FINANCE)
        .fields(&[text("reason").note("kept in the audit log")])
        .on_its_own();

async fn approve(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    input.text("reason", 1000);
    input.finish()?;
    let by = call.caller.key.to_string();
    let row = call.api.desk.approve(call.caller.tenant, row.id, &by).await?;
    Ok(Answer::object(KIND, view(&row, call.now)))
}
