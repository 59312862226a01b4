//! `POST /v1/conversions/{id}/reject`: it earns nothing; what was posted is mirrored or clawed
//! back.

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
    Endpoint::act("/v1/conversions/{id}/reject", "reject", run!(reject))
        .says("Refuse a conversion; what it posted is mirrored")
        .roles(FINANCE)
        .fields(&[text("reason").note("kept in the audit log")])
        .on_its_own();

async fn reject(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    input.text("reason", 1000);
    input.finish()?;
    let by = call.caller.key.to_string();
    let row = call.api.desk.reject(call.caller.tenant, row.id, &by).await?;
    Ok(Answer::object(KIND, view(&row, call.now)))
}
