//! `GET /v1/integrations/{id}`: without its secrets.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::integrations::KIND;
use crate::api::integrations::named;
use crate::api::integrations::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/integrations/{id}", run!(get))
    .says("Show one integration, without its secrets")
    .roles(OPERATORS_ADVERTISERS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row, &call.api.public_url)))
}
