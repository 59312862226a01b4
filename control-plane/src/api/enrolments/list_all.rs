//! `GET /v1/enrolments`: over all campaigns.

use store::enrolments::EnrolmentFilter;
use store::enrolments::EnrolmentStatus;

use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::answer_page;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/enrolments", run!(list))
    .says("List enrolments")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("campaign_id"), text("publisher_id"), text("status")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = EnrolmentFilter {
        campaign: query.id("campaign_id"),
        publisher: query.id("publisher_id"),
        status: query.word("status", EnrolmentStatus::parse, EnrolmentStatus::ALL),
    };
    query.finish()?;
    answer_page(call, filter).await
}
