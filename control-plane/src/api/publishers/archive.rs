//! `DELETE /v1/publishers/{id}`: takes it out of lists, stops its links and refuses its keys. Its
//! balance stays.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::publishers::KIND;
use crate::api::publishers::named;
use crate::api::publishers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/publishers/{id}", run!(archive)).says("Archive a publisher");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.publishers().update(&row, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
