//! `GET /v1/keys/{id}`: without its secret.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::keys::KIND;
use crate::api::keys::named;
use crate::api::keys::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/keys/{id}", run!(get)).says("Show one API key, without its secret");

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
