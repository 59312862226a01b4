//! `GET /v1/campaigns`: newest first. Publishers see every live campaign of the tenant: they choose
//! what to apply for.

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::campaigns::KIND;
use crate::api::campaigns::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/campaigns", run!(list))
    .says("List campaigns")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("advertiser_id")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let advertiser = query.id("advertiser_id");
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.campaigns().list(advertiser, reach, &call.page).await?;
    let mut data = Vec::new();
    for row in &page.rows {
        data.push(with_kind(KIND, &mut view(call, row).await?));
    }
    Ok(Answer::rows(data, page.next))
}
