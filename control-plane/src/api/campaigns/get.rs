//! `GET /v1/campaigns/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns::KIND;
use crate::api::campaigns::named;
use crate::api::campaigns::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/campaigns/{id}", run!(get)).says("Show one campaign").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(call, &row).await?))
}
