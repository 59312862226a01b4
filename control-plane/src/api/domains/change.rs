//! `PATCH /v1/domains/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::KIND;
use crate::api::domains::PATCHABLE;
use crate::api::domains::named;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/domains/{id}", run!(change))
    .says("Change a tracking host")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut input = call.patched(PATCHABLE, view(&row));
    row.fallback_url = input.url("fallback_url").map(|(url, _)| url);
    input.finish()?;
    call.tx.domains().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view(&row)))
}
