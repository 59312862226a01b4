//! `GET /v1/campaigns/{id}/enrolments`: who stands in a campaign; a publisher sees itself.

use store::enrolments::EnrolmentFilter;
use store::enrolments::EnrolmentStatus;

use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::answer_page;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/campaigns/{id}/enrolments", run!(list))
    .says("List a campaign's enrolments")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("publisher_id"), text("status")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let publisher = query.id("publisher_id");
    let status = query.word("status", EnrolmentStatus::parse, EnrolmentStatus::ALL);
    query.finish()?;
    let campaign = Some(campaigns::named(call).await?.id);
    answer_page(call, EnrolmentFilter { campaign, publisher, status }).await
}
