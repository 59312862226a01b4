//! `GET /v1/keys`: keys that are not revoked, newest first.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::keys::KIND;
use crate::api::keys::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/keys", run!(list))
    .says("List API keys")
    .with_archive()
    .query(&[text("advertiser_id")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let advertiser = query.id("advertiser_id");
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.keys().list(advertiser, reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
