//! `GET /v1/advertisers`: those the caller sees, newest first.

use store::advertisers::Status;

use crate::api::advertisers::KIND;
use crate::api::advertisers::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/advertisers", run!(list))
    .says("List advertisers")
    .with_archive()
    .roles(OPERATORS_ADVERTISERS)
    .query(&[text("status")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let status = query.word("status", Status::parse, Status::ALL);
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.advertisers().list(status, reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
