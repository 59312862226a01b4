//! `PATCH /v1/campaigns/{id}`: fee and share count for conversions from now on.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns::FIELDS;
use crate::api::campaigns::KIND;
use crate::api::campaigns::PATCHABLE;
use crate::api::campaigns::named;
use crate::api::campaigns::read;
use crate::api::campaigns::save_terms;
use crate::api::campaigns::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/campaigns/{id}", run!(change))
    .says("Change a campaign")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let current = view(call, &row).await?;
    let mut input = call.patched(FIELDS, current);
    let terms = read(call, &mut input, &mut row).await?;
    input.finish()?;
    call.tx.campaigns().update(&row, call.now).await?;
    save_terms(call, row.id, &terms).await?;
    Ok(Answer::object(KIND, view(call, &row).await?))
}
