//! `GET /v1/tenants/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::tenants::KIND;
use crate::api::tenants::named;
use crate::api::tenants::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/tenants/{id}", run!(get)).says("Show one tenant").roles(OPERATORS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
