//! `POST /v1/links`: for a publisher that is enrolled in the campaign.

use model::catalog::Role;
use model::id::DomainId;
use model::id::LinkId;
use serde_json::json;
use store::campaigns::CampaignRow;
use store::links::LinkRow;
use store::publishers::PublisherRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::Input;
use crate::api::input::given;
use crate::api::links::Addresses;
use crate::api::links::FIELDS;
use crate::api::links::KIND;
use crate::api::links::advertiser_of;
use crate::api::links::free_slug;
use crate::api::links::read_changeable;
use crate::api::links::read_offer;
use crate::api::links::view;
use crate::api::publishers;
use crate::api::urls::Fallbacks;

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/links", run!(create))
    .says("Make a link")
    .roles(&[Role::Admin, Role::Publisher])
    .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let campaign = campaigns::referred(call, &mut input).await?;
    let offer = read_offer(call, &mut input, campaign.as_ref()).await?;
    let publisher = read_publisher(call, &mut input).await?;
    refuse_stranger(call, &mut input, campaign.as_ref(), publisher.as_ref()).await?;
    let advertiser = advertiser_of(call, offer.as_ref()).await?;
    let domain = read_domain(call, &mut input).await?;
    let slug = read_slug(call, &mut input).await?;
    if input.objects("rules", &[], 100).is_some_and(|rules| !rules.is_empty()) {
        input.refuse("rules", "routing rules are not served by this version");
    }
    let mut row = LinkRow {
        id: LinkId::new(call.now, &mut call.rng),
        number: call.tx.links().next_number().await?,
        campaign: campaign.map_or(model::id::CampaignId(0), |campaign| campaign.id),
        offer: offer.map(|offer| offer.id),
        publisher: publisher.map_or(model::id::PublisherId(0), |publisher| publisher.id),
        domain,
        slug: slug.unwrap_or_default(),
        destination: None,
        caps: json!({}),
        expires_at: None,
        fallback_url: None,
        wildcard_code: None,
        killed_at: None,
        is_capped: false,
        created_at: call.now,
        archived_at: None,
    };
    let fallbacks = Fallbacks::of(call).await?;
    read_changeable(&mut input, &mut row, (advertiser.as_ref(), &fallbacks));
    input.finish()?;
    given((row.offer.is_some() && !row.slug.is_empty()).then_some(()))?;
    call.tx.links().insert(&row).await?;
    let addresses = Addresses::of(call).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}

/// The publisher named, else the caller. A publisher makes links for itself only.
async fn read_publisher(
    call: &mut Call,
    input: &mut Input,
) -> Result<Option<PublisherRow>, Problem> {
    if input.has("publisher_id") {
        return publishers::referred(call, input, "publisher_id").await;
    }
    let own = publishers::own(call).await?;
    if own.is_none() {
        input.missing("publisher_id");
    }
    Ok(own)
}

pub(crate) async fn refuse_stranger(
    call: &mut Call,
    input: &mut Input,
    campaign: Option<&CampaignRow>,
    publisher: Option<&PublisherRow>,
) -> Result<(), Problem> {
    let (Some(campaign), Some(publisher)) = (campaign, publisher) else { return Ok(()) };
    let enrolment = call.tx.enrolments().of(campaign.id, publisher.id).await?;
    if !enrolment.is_some_and(|enrolment| enrolment.is_active()) {
        input.refuse("publisher_id", "is not actively enrolled in this campaign");
    }
    Ok(())
}

async fn read_domain(call: &mut Call, input: &mut Input) -> Result<Option<DomainId>, Problem> {
    let Some(name) = input.text("domain", 253) else { return Ok(None) };
    let name = name.to_ascii_lowercase();
    let domains = call.tx.domains().live().await?;
    let found = domains.iter().find(|domain| domain.host == name || domain.id.to_string() == name);
    if found.is_none() {
        input.refuse("domain", "is not a domain of this tenant");
    }
    Ok(found.map(|domain| domain.id))
}

/// The slug as given, free and well formed, else a generated one.
async fn read_slug(call: &mut Call, input: &mut Input) -> Result<Option<String>, Problem> {
    if !input.has("slug") {
        return Ok(Some(free_slug(call).await?));
    }
    let Some(slug) = input.text("slug", model::link::SLUG_CHARS_MAX) else { return Ok(None) };
    let slug = slug.to_ascii_lowercase();
    if !model::link::is_slug(&slug) {
        input.refuse("slug", "must be 2 to 64 of a-z, 0-9, _ and -, and none of our own paths");
        return Ok(None);
    }
    if call.tx.links().by_slug(&slug).await?.is_some() {
        return Err(Problem::taken("slug"));
    }
    Ok(Some(slug))
}
