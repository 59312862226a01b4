//! `POST /v1/deliverables`: submits content for approval.

use model::catalog::Role;
use model::id::DeliverableId;
use store::deliverables::DeliverableRow;
use store::deliverables::DeliverableStatus;
use store::listing::Reach;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::deliverables::KIND;
use crate::api::deliverables::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::given;
use crate::api::input::text;
use crate::api::publishers;

const FIELDS: &[Field] = &[
    text("campaign_id").required(),
    text("publisher_id").note("default: the caller"),
    text("url").required().note("where the content is, https"),
    text("note"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/deliverables", run!(create))
    .says("Submit content for approval")
    .roles(&[Role::Admin, Role::Finance, Role::Publisher])
    .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let campaign = campaigns::referred(call, &mut input).await?;
    let own = match call.reach() {
        Reach::Publisher(id) => Some(id),
        _ => None,
    };
    if own.is_none() && !input.has("publisher_id") {
        input.missing("publisher_id");
    }
    let named = publishers::referred(call, &mut input, "publisher_id").await?;
    if let (Some(own), Some(named)) = (own, &named)
        && named.id != own
    {
        return Err(Problem::NotFound);
    }
    let url = input.url("url").map(|(url, _)| url);
    if url.is_none() && !input.is_refused("url") {
        input.missing("url");
    }
    let note = input.text("note", 1000);
    input.finish()?;
    let campaign = given(campaign)?;
    let publisher = match own {
        Some(own) => own,
        None => given(named)?.id,
    };
    let enrolment = call.tx.enrolments().of(campaign.id, publisher).await?;
    if enrolment.is_none_or(|row| row.archived_at.is_some()) {
        return Err(Problem::field("publisher_id", "is not enrolled in this campaign"));
    }
    let mut advertiser = campaign.advertiser;
    if let (None, Some(first)) = (advertiser, campaign.offers.first()) {
        let offer = call.tx.offers().get(*first, Reach::Tenant).await?;
        advertiser = offer.map(|offer| offer.advertiser);
    }
    let Some(advertiser) = advertiser else {
        return Err(Problem::field("campaign_id", "has no advertiser"));
    };
    let row = DeliverableRow {
        id: DeliverableId::new(call.now, &mut call.rng),
        campaign: campaign.id,
        publisher,
        advertiser,
        url: url.unwrap_or_default(),
        note,
        status: DeliverableStatus::Submitted,
        conversion: None,
        decided_by: None,
        decided_why: None,
        decided_at: None,
        created_at: call.now,
    };
    call.tx.deliverables().insert(&row).await?;
    Ok(Answer::object(KIND, view(&row)))
}
