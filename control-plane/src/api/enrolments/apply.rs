//! `POST /v1/campaigns/{id}/apply`: a publisher asks to be let into a campaign.

use model::catalog::Role;
use store::enrolments::EnrolmentStatus;

use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::Given;
use crate::api::enrolments::enrol;
use crate::api::error::Problem;
use crate::api::publishers;

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/campaigns/{id}/apply", run!(apply))
    .says("Apply for a campaign, as a publisher")
    .roles(&[Role::Publisher]);

async fn apply(call: &mut Call) -> Outcome {
    let campaign = campaigns::named(call).await?;
    if campaign.archived_at.is_some() {
        return Err(Problem::NotFound);
    }
    call.input().finish()?;
    let publisher = publishers::own(call).await?.ok_or(Problem::Forbidden)?;
    let fields =
        Given { status: EnrolmentStatus::Applied, fixed_fee_minor: None, terms: Vec::new() };
    enrol(call, &campaign, &publisher, fields).await
}
