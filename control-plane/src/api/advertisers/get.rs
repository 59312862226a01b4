//! `GET /v1/advertisers/{id}`.

use crate::api::advertisers::KIND;
use crate::api::advertisers::named;
use crate::api::advertisers::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/advertisers/{id}", run!(get))
    .says("Show one advertiser")
    .roles(OPERATORS_ADVERTISERS);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
