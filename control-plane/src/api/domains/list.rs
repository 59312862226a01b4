//! `GET /v1/domains`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::KIND;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/domains", run!(list))
    .says("List tracking hosts")
    .with_archive()
    .roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let page = call.tx.domains().list(&call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
