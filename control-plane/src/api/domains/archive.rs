//! `DELETE /v1/domains/{id}`: its links are no longer served there.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::KIND;
use crate::api::domains::named;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/domains/{id}", run!(archive)).says("Take a tracking host out of use");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.domains().archive(row.id, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
