//! `GET /v1/links`: newest first, without the enrolments' wildcard links.

use store::links::LinkFilter;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::links::Addresses;
use crate::api::links::KIND;
use crate::api::links::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/links", run!(list))
    .says("List links")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("campaign_id"), text("publisher_id"), text("offer_id"), text("slug")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = LinkFilter {
        campaign: query.id("campaign_id"),
        publisher: query.id("publisher_id"),
        offer: query.id("offer_id"),
        slug: query.text("slug", 64).map(|slug| slug.to_ascii_lowercase()),
    };
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.links().list(&filter, reach, &call.page).await?;
    let addresses = Addresses::of(call).await?;
    Ok(Answer::page(KIND, page, |row| view(row, &addresses)))
}
