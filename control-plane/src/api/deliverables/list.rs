//! `GET /v1/deliverables`.

use store::deliverables::DeliverableStatus;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::deliverables::KIND;
use crate::api::deliverables::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/deliverables", run!(list))
    .says("List deliverables")
    .roles(EVERYBODY)
    .query(&[text("status").note("submitted | approved | rejected")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let status = query.word("status", DeliverableStatus::parse, DeliverableStatus::ALL);
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.deliverables().list(status, reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
