//! Enrolments: publishers in campaigns. Each is made with its wildcard link, which
//! `/click?ref=…&target=…` uses.

use model::id::EnrolmentId;
use model::id::LinkId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::campaigns::CampaignRow;
use store::enrolments::EnrolmentFilter;
use store::enrolments::EnrolmentRow;
use store::enrolments::EnrolmentStatus;
use store::links::LinkRow;
use store::listing::Reach;
use store::publishers::PublisherRow;
use store::terms::TermRow;
use store::terms::TermScope;

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::links;
use crate::api::money;
use crate::api::terms;
use crate::api::terms::GivenTerm;
use crate::api::time::instant;

mod apply;
mod archive;
mod change;
mod create;
mod get;
mod list;
mod list_all;

/// Word of `enrolment_id`.
const KIND: &str = "enrolment";

const FIELDS: &[Field] = &[
    text("publisher_id").required(),
    text("status").note("active (default) | applied | paused | rejected"),
    field("fixed_fee", Kind::Money).note("owed once for approved content"),
    field("terms", Kind::Objects(terms::FIELDS)).note("instead of the campaign's and the offer's"),
];

const PATCHABLE: &[Field] = &[
    text("status"),
    field("fixed_fee", Kind::Money),
    field("terms", Kind::Objects(terms::FIELDS)),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    apply::ENDPOINT,
    list::ENDPOINT,
    list_all::ENDPOINT,
    get::ENDPOINT,
    change::ENDPOINT,
    archive::ENDPOINT,
];

/// The fields as given, without the publisher.
struct Given {
    status: EnrolmentStatus,
    fixed_fee_minor: Option<i64>,
    terms: Vec<GivenTerm>,
}

fn read(input: &mut Input, currency: Option<Currency>) -> Given {
    let status = input
        .word("status", EnrolmentStatus::parse, EnrolmentStatus::ALL)
        .unwrap_or(EnrolmentStatus::Active);
    let fixed_fee_minor = if let Some(currency) = currency {
        input.money("fixed_fee", currency).map(|money| money.minor)
    } else {
        if input.value("fixed_fee").is_some() {
            input.refuse("fixed_fee", "needs a campaign of one advertiser");
        }
        None
    };
    let terms = terms::read(input, currency.unwrap_or(Currency::KZT)).unwrap_or_default();
    Given { status, fixed_fee_minor, terms }
}

/// Puts a publisher into a campaign, with its wildcard link. One that stood there before and was
/// archived comes back.
async fn enrol(
    call: &mut Call,
    campaign: &CampaignRow,
    publisher: &PublisherRow,
    given: Given,
) -> Outcome {
    let row = match call.tx.enrolments().of(campaign.id, publisher.id).await? {
        Some(row) if row.archived_at.is_none() => {
            let detail = format!("stands in this campaign already: {}", row.id);
            return Err(Problem::Conflict(FieldError::new("publisher_id", detail)));
        }
        Some(mut row) => {
            row.status = given.status;
            row.fixed_fee_minor = given.fixed_fee_minor;
            row.archived_at = None;
            call.tx.enrolments().update(&row, call.now).await?;
            row
        }
        None => {
            let row = EnrolmentRow {
                id: EnrolmentId::new(call.now, &mut call.rng),
                campaign: campaign.id,
                publisher: publisher.id,
                status: given.status,
                fixed_fee_minor: given.fixed_fee_minor,
                link: LinkId::new(call.now, &mut call.rng),
                created_at: call.now,
                archived_at: None,
            };
            call.tx.enrolments().insert(&row).await?;
            insert_wildcard_link(call, &row, publisher).await?;
            row
        }
    };
    let scope_id = row.id.to_string();
    let scope = (TermScope::Enrolment, scope_id.as_str());
    let rows = terms::rows(&given.terms, scope, call.now, &mut call.rng);
    call.tx.terms().replace(scope, &rows, call.now).await?;
    Ok(Answer::object(KIND, view(call, &row, &rows).await?))
}

async fn insert_wildcard_link(
    call: &mut Call,
    row: &EnrolmentRow,
    publisher: &PublisherRow,
) -> Result<(), Problem> {
    let link = LinkRow {
        id: row.link,
        number: call.tx.links().next_number().await?,
        campaign: row.campaign,
        offer: None,
        publisher: row.publisher,
        domain: None,
        slug: links::free_slug(call).await?,
        destination: None,
        caps: json!({}),
        expires_at: None,
        fallback_url: None,
        wildcard_code: Some(publisher.code.clone()),
        killed_at: None,
        is_capped: false,
        created_at: call.now,
        archived_at: None,
    };
    Ok(call.tx.links().insert(&link).await?)
}

/// The live terms of an enrolment.
async fn live_terms(call: &mut Call, id: EnrolmentId) -> Result<Vec<TermRow>, Problem> {
    let scope_id = id.to_string();
    Ok(call.tx.terms().standing((TermScope::Enrolment, &scope_id), call.now).await?)
}

/// The currency of an enrolment's campaign.
async fn currency(call: &mut Call, row: &EnrolmentRow) -> Result<Option<Currency>, Problem> {
    let campaign = call.tx.campaigns().get(row.campaign, Reach::Tenant).await?;
    campaigns::currency_of(call, campaign.and_then(|campaign| campaign.advertiser)).await
}

async fn view(call: &mut Call, row: &EnrolmentRow, live: &[TermRow]) -> Result<Value, Problem> {
    let currency = currency(call, row).await?;
    let fixed_fee =
        row.fixed_fee_minor.zip(currency).map(|(minor, currency)| money::minor(minor, currency));
    let link = call.tx.links().get(row.link, Reach::Tenant).await?;
    let link = link.map(|link| link.slug);
    Ok(json!({
        "id": row.id.to_string(),
        "campaign_id": row.campaign.to_string(),
        "publisher_id": row.publisher.to_string(),
        "status": row.status.as_str(),
        "fixed_fee": fixed_fee,
        "terms": terms::view(live),
        "wildcard_link_id": row.link.to_string(),
        "wildcard_slug": link,
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    }))
}

/// A page of enrolments as it is answered.
async fn answer_page(call: &mut Call, filter: EnrolmentFilter) -> Outcome {
    let reach = call.reach();
    let page = call.tx.enrolments().list(&filter, reach, &call.page).await?;
    let mut data = Vec::new();
    for row in &page.rows {
        let terms = live_terms(call, row.id).await?;
        data.push(with_kind(KIND, &mut view(call, row, &terms).await?));
    }
    Ok(Answer::rows(data, page.next))
}

/// The enrolment that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<EnrolmentRow, Problem> {
    let id: EnrolmentId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.enrolments().get(id, reach).await?.ok_or(Problem::NotFound)
}
