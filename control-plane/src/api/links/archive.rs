//! `DELETE /v1/links/{id}`: kills it and takes it out of the lists; slugs are never given twice.

use model::catalog::Role;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::links::Addresses;
use crate::api::links::KIND;
use crate::api::links::stop;
use crate::api::links::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::archive("/v1/links/{id}", run!(archive))
    .says("Stop and archive a link")
    .roles(&[Role::Admin, Role::Publisher]);

async fn archive(call: &mut Call) -> Outcome {
    let mut row = stop(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.links().update(&row, call.now).await?;
    }
    let addresses = Addresses::of(call).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}
