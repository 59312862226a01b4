//! `POST /v1/campaigns/{id}/enrolments`: an operator puts a publisher into a campaign.

use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::FIELDS;
use crate::api::enrolments::enrol;
use crate::api::enrolments::read;
use crate::api::error::Problem;
use crate::api::input::given;
use crate::api::publishers;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/campaigns/{id}/enrolments", run!(create))
        .says("Enrol a publisher in a campaign; its wildcard link is made with it")
        .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let campaign = campaigns::named(call).await?;
    if campaign.archived_at.is_some() {
        return Err(Problem::NotFound);
    }
    let currency = campaigns::currency_of(call, campaign.advertiser).await?;
    let mut input = call.input();
    if !input.has("publisher_id") {
        input.missing("publisher_id");
    }
    let publisher = publishers::referred(call, &mut input, "publisher_id").await?;
    let fields = read(&mut input, currency);
    input.finish()?;
    enrol(call, &campaign, &given(publisher)?, fields).await
}
