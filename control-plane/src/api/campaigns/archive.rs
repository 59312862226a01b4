//! `DELETE /v1/campaigns/{id}`: takes it out of lists and stops its links.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns::KIND;
use crate::api::campaigns::named;
use crate::api::campaigns::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/campaigns/{id}", run!(archive)).says("Archive a campaign");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.campaigns().archive(row.id, call.now).await?;
    }
    Ok(Answer::object(KIND, view(call, &row).await?))
}
