//! `DELETE /v1/links/{id}`: the same as killing it; slugs are never given twice.

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
    .says("Stop a link")
    .roles(&[Role::Admin, Role::Publisher]);

async fn archive(call: &mut Call) -> Outcome {
    let row = stop(call).await?;
    let addresses = Addresses::of(call).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}
