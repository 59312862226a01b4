//! Campaigns: dated groupings of offers with their settings of credit.

use ledger::Day;
use ledger::TaxRegime;
use model::catalog::Role;
use model::conversion::AttributionModel;
use model::conversion::CouponPrecedence;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::OfferId;
use model::money::BasisPoints;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::campaigns::CampaignRow;
use store::listing::Reach;
use store::tenants::TenantRow;
use store::terms::TermRow;
use store::terms::TermScope;

use crate::api::advertisers;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::money;
use crate::api::terms;
use crate::api::terms::GivenTerm;
use crate::api::time;
use crate::api::time::instant;

mod archive;
mod change;
mod create;
mod get;
mod list;

/// Word of `campaign_id`.
pub(crate) const KIND: &str = "campaign";

/// Offers of one campaign at most.
const OFFERS_MAX: usize = 500;
/// Tags of one object at most.
const TAGS_MAX: usize = 50;

/// Values of the `Referrer-Policy` header: <https://www.w3.org/TR/referrer-policy/>.
const REFERRER_POLICIES: &[&str] = &[
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

const FIELDS: &[Field] = &[
    text("advertiser_id").note("optional when the offers name it"),
    text("name").required(),
    texts("offer_ids").note("in the order in which they are tried"),
    field("starts_on", Kind::Day),
    field("ends_on", Kind::Day).note("included"),
    text("attribution").note("first_touch (default) | last_touch"),
    text("coupon_precedence").note("coupon_wins (default) | click_wins"),
    integer("fee_bp").note("default: the tenant's"),
    field("share_pct", Kind::Percent).note("part of the commission for the shopper"),
    field("budget", Kind::Money),
    text("referrer_policy").note("default strict-origin"),
    texts("tags"),
    field("label", Kind::Free).note("advertising label by language: kk, ru"),
    field("prelander", Kind::Free),
    field("terms", Kind::Objects(terms::FIELDS)).note("instead of the offers'"),
];

const PATCHABLE: &[Field] = FIELDS;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, change::ENDPOINT, archive::ENDPOINT];

/// Reads every field into `row`; terms come apart.
async fn read(
    call: &mut Call,
    input: &mut Input,
    row: &mut CampaignRow,
) -> Result<Vec<GivenTerm>, Problem> {
    let tenant = call.tenant().await?;
    row.name = input.needs_text("name", 200);
    let advertiser = advertisers::referred(call, input, "advertiser_id").await?;
    let (offers, owners) = read_offers(call, input).await?;
    row.offers = offers;
    row.advertiser = owner(input, advertiser.as_ref().map(|advertiser| advertiser.id), &owners);
    row.starts_on = input.day("starts_on");
    row.ends_on = input.day("ends_on");
    if let (Some(first), Some(last)) = (&row.starts_on, &row.ends_on)
        && last < first
    {
        input.refuse("ends_on", "is before starts_on");
    }
    row.attribution = input
        .word("attribution", AttributionModel::parse, AttributionModel::ALL)
        .unwrap_or(AttributionModel::FirstTouch);
    row.coupon_precedence = input
        .word("coupon_precedence", CouponPrecedence::parse, CouponPrecedence::ALL)
        .unwrap_or(CouponPrecedence::CouponWins);
    row.fee = input.basis_points("fee_bp").unwrap_or(tenant.default_fee);
    row.share = input.percent("share_pct").unwrap_or(tenant.default_share);
    refuse_negative_net(call, input, row, &tenant);
    row.budget_minor = read_budget(call, input, row.advertiser).await?;
    row.referrer_policy =
        input.text("referrer_policy", 40).unwrap_or_else(|| "strict-origin".to_owned());
    if !REFERRER_POLICIES.contains(&row.referrer_policy.as_str()) {
        input.refuse("referrer_policy", format!("must be one of {}", REFERRER_POLICIES.join(", ")));
    }
    row.tags = input.texts("tags", TAGS_MAX, 64).unwrap_or_default();
    row.label = input.free("label").unwrap_or_else(|| json!({}));
    row.prelander = input.free("prelander").unwrap_or_else(|| json!({}));
    let currency = currency_of(call, row.advertiser).await?;
    if currency.is_none() && input.has("terms") {
        input.refuse("terms", "needs an advertiser, whose currency they are in");
    }
    Ok(terms::read(input, currency.unwrap_or(Currency::KZT)).unwrap_or_default())
}

/// The live terms of a campaign.
async fn live_terms(call: &mut Call, id: CampaignId) -> Result<Vec<TermRow>, Problem> {
    let scope_id = id.to_string();
    Ok(call.tx.terms().standing((TermScope::Campaign, &scope_id), call.now).await?)
}

/// Puts given terms in the place of live ones where they differ.
async fn save_terms(call: &mut Call, id: CampaignId, given: &[GivenTerm]) -> Result<(), Problem> {
    if !terms::differ(given, &live_terms(call, id).await?) {
        return Ok(());
    }
    let scope_id = id.to_string();
    let scope = (TermScope::Campaign, scope_id.as_str());
    let rows = terms::rows(given, scope, call.now, &mut call.rng);
    Ok(call.tx.terms().replace(scope, &rows, call.now).await?)
}

/// The offers named, and the advertisers that they belong to.
async fn read_offers(
    call: &mut Call,
    input: &mut Input,
) -> Result<(Vec<OfferId>, Vec<AdvertiserId>), Problem> {
    let mut offers = Vec::new();
    let mut owners = Vec::new();
    let reach = call.reach();
    let given = input.texts("offer_ids", OFFERS_MAX, 64).unwrap_or_default();
    for (position, text) in given.iter().enumerate() {
        let offer = match text.parse::<OfferId>() {
            Ok(id) => call.tx.offers().get(id, reach).await?,
            Err(_) => None,
        };
        let place = format!("offer_ids[{position}]");
        match offer.filter(|offer| offer.archived_at.is_none()) {
            None => input.refuse(&place, "there is no such offer"),
            Some(offer) if offers.contains(&offer.id) => input.refuse(&place, "is named twice"),
            Some(offer) => {
                offers.push(offer.id);
                owners.push(offer.advertiser);
            }
        }
    }
    owners.sort_unstable();
    owners.dedup();
    Ok((offers, owners))
}

/// The campaign's advertiser: the one named, else the one that all offers belong to.
fn owner(
    input: &mut Input,
    named: Option<AdvertiserId>,
    owners: &[AdvertiserId],
) -> Option<AdvertiserId> {
    match (named, owners) {
        (Some(named), owners) => {
            if owners.iter().any(|owner| *owner != named) {
                input.refuse("offer_ids", "has offers of another advertiser");
            }
            Some(named)
        }
        (None, [only]) => Some(*only),
        (None, _) => None,
    }
}

/// Whatever a publisher's tax, what is left for it must not be below zero.
fn refuse_negative_net(call: &Call, input: &mut Input, row: &CampaignRow, tenant: &TenantRow) {
    let Some(today) = time::day_of(call.now, &tenant.time_zone) else { return };
    let (year, month, day) = (today.year(), today.month(), today.day());
    let part = |value: i8| u8::try_from(value).unwrap_or(1);
    let day = Day::new(u16::try_from(year).unwrap_or(1), part(month), part(day));
    let is_covered = |fee: BasisPoints, share: BasisPoints| {
        TaxRegime::ALL.iter().all(|regime| {
            ledger::worst_case_is_covered(fee, share, &ledger::flat_rates(*regime, day))
        })
    };
    if !is_covered(row.fee, row.share) {
        let detail = "fee, shopper's share and tax together can take more than the whole charge";
        input.refuse("fee_bp", detail);
        if !is_covered(row.fee, BasisPoints::ZERO) {
            return;
        }
        input.refuse("share_pct", detail);
    }
}

async fn read_budget(
    call: &mut Call,
    input: &mut Input,
    advertiser: Option<AdvertiserId>,
) -> Result<Option<i64>, Problem> {
    let Some(currency) = currency_of(call, advertiser).await? else {
        if input.value("budget").is_some() {
            input.refuse("budget", "needs an advertiser, whose currency it is in");
        }
        return Ok(None);
    };
    Ok(input.money("budget", currency).map(|money| money.minor))
}

/// The currency of a campaign's advertiser.
pub(crate) async fn currency_of(
    call: &mut Call,
    advertiser: Option<AdvertiserId>,
) -> Result<Option<Currency>, Problem> {
    let Some(id) = advertiser else { return Ok(None) };
    let row = call.tx.advertisers().get(id, Reach::Tenant).await?;
    Ok(row.map(|row| row.currency))
}

/// The campaign. What a publisher is not told: fee and budget.
async fn view(call: &mut Call, row: &CampaignRow) -> Result<Value, Problem> {
    let currency = currency_of(call, row.advertiser).await?;
    let live = live_terms(call, row.id).await?;
    let mut fields = view_in(call, row, currency);
    fields["terms"] = terms::view(&live);
    Ok(fields)
}

fn view_in(call: &Call, row: &CampaignRow, currency: Option<Currency>) -> Value {
    let is_told = call.caller.role != Role::Publisher;
    let budget =
        row.budget_minor.zip(currency).map(|(minor, currency)| money::minor(minor, currency));
    let offers: Vec<String> = row.offers.iter().map(ToString::to_string).collect();
    json!({
        "id": row.id.to_string(),
        "advertiser_id": row.advertiser.map(|id| id.to_string()),
        "name": row.name,
        "offer_ids": offers,
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "attribution": row.attribution.as_str(),
        "coupon_precedence": row.coupon_precedence.as_str(),
        "fee_bp": is_told.then_some(row.fee.0),
        "share_pct": money::percent(row.share),
        "budget": budget.filter(|_| is_told),
        "referrer_policy": row.referrer_policy,
        "tags": row.tags,
        "label": row.label,
        "prelander": row.prelander,
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The campaign that the path names, if the caller sees it.
pub(crate) async fn named(call: &mut Call) -> Result<CampaignRow, Problem> {
    let id: CampaignId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.campaigns().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// A live campaign that a body names; an error of that field otherwise.
pub(crate) async fn referred(
    call: &mut Call,
    input: &mut Input,
) -> Result<Option<CampaignRow>, Problem> {
    if !input.has("campaign_id") {
        input.missing("campaign_id");
    }
    let Some(id) = input.id::<CampaignId>("campaign_id") else { return Ok(None) };
    let reach = call.reach();
    let row = call.tx.campaigns().get(id, reach).await?;
    let row = row.filter(|row| row.archived_at.is_none());
    if row.is_none() {
        input.refuse("campaign_id", "there is no such campaign");
    }
    Ok(row)
}
