//! `GET /v1/conversions/{id}`: with its explanation and every news that touched it.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::conversions::KIND;
use crate::api::conversions::detail;
use crate::api::conversions::named;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/conversions/{id}", run!(get))
    .says("Show one conversion with its explanation")
    .roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    let revisions = call.tx.conversions().revisions(&[row.id]).await?;
    let who = (call.now, call.caller.role);
    Ok(Answer::object(KIND, detail(&row, &revisions, who)))
}
