//! `DELETE /v1/offers/{id}`: takes it out of lists and stops its links.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::offers::KIND;
use crate::api::offers::live_terms;
use crate::api::offers::named;
use crate::api::offers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/offers/{id}", run!(archive)).says("Archive an offer");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let terms = live_terms(call, row.id).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.offers().archive(row.id, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row, &terms)))
}
