//! `POST /v1/links/{id}/kill`: stops it on every daemon within seconds.

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

pub(super) const ENDPOINT: Endpoint = Endpoint::act("/v1/links/{id}/kill", "kill", run!(kill))
    .says("Stop a link everywhere")
    .roles(&[Role::Admin, Role::Publisher]);

async fn kill(call: &mut Call) -> Outcome {
    call.input().finish()?;
    let row = stop(call).await?;
    let addresses = Addresses::of(call).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}
