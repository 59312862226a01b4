//! `GET /v1/offers`: newest first. Publishers see every live offer of the tenant: they choose from
//! them.

use store::offers::OfferFilter;
use store::terms::TermScope;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::offers::KIND;
use crate::api::offers::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/offers", run!(list))
    .says("List offers")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("category"), text("advertiser_id"), text("campaign_id")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = OfferFilter {
        category: query.text("category", 100),
        advertiser: query.id("advertiser_id"),
        campaign: query.id("campaign_id"),
    };
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.offers().list(&filter, reach, &call.page).await?;
    let ids: Vec<String> = page.rows.iter().map(|row| row.id.to_string()).collect();
    let terms = call.tx.terms().standing_of(TermScope::Offer, &ids, call.now).await?;
    Ok(Answer::page(KIND, page, |row| view(row, &terms)))
}
