//! `PATCH /v1/publishers/{id}`: a new tax regime counts for conversions from now on.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::publishers::FIELDS;
use crate::api::publishers::KIND;
use crate::api::publishers::PATCHABLE;
use crate::api::publishers::named;
use crate::api::publishers::read;
use crate::api::publishers::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/publishers/{id}", run!(change))
    .says("Change a publisher")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut input = call.patched(FIELDS, view(&row));
    read(&mut input, &mut row);
    input.finish()?;
    call.tx.publishers().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view(&row)))
}
