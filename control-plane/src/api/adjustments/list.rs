//! `GET /v1/adjustments`.

use crate::api::adjustments::KIND;
use crate::api::adjustments::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::list("/v1/adjustments", run!(list)).says("List corrections").roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let page = call.tx.office().adjustments(&call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
