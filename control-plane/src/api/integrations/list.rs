//! `GET /v1/integrations`: newest first, built-in ones included.

use store::integrations::IntegrationFilter;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::integrations::KIND;
use crate::api::integrations::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/integrations", run!(list))
    .says("List integrations")
    .with_archive()
    .roles(OPERATORS_ADVERTISERS)
    .query(&[text("advertiser_id"), text("adapter")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = IntegrationFilter {
        advertiser: query.id("advertiser_id"),
        adapter: query.text("adapter", 64),
    };
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.integrations().list(&filter, reach, &call.page).await?;
    let public_url = call.api.public_url.clone();
    Ok(Answer::page(KIND, page, |row| view(row, &public_url)))
}
