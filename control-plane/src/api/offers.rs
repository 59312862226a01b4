//! Offers: what advertisers pay for.

use model::id::OfferId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::advertisers::AdvertiserRow;
use store::offers::OfferRow;
use store::terms::Price;
use store::terms::TermAction;
use store::terms::TermRow;
use store::terms::TermScope;

use crate::api::call::Call;
use crate::api::caps;
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
use crate::api::time::instant;
use crate::api::urls;
use crate::api::urls::Fallbacks;

mod archive;
mod change;
mod create;
mod get;
mod list;

/// Word of `offer_id`.
const KIND: &str = "offer";

const CLICK_WINDOW_DAYS: i64 = 30;
const PROBABILISTIC_HOURS: i64 = 0;
const HOLD_DAYS: i64 = 30;
/// Longest window and hold: a year.
const DAYS_MAX: i64 = 366;
/// Parameters carried over at most.
const PASS_PARAMS_MAX: usize = 50;

const WINDOW: &[Field] = &[
    integer("click_days").note("how long a click may earn; default 30"),
    integer("probabilistic_hours").note("how long a visitor hash may match; default 0"),
];

const FIELDS: &[Field] = &[
    text("advertiser_id").required(),
    text("name").required(),
    text("brand"),
    text("category"),
    text("sku"),
    text("destination")
        .required()
        .note("https, on an allowed host of the advertiser; macros allowed"),
    text("preview_url"),
    text("click_param").note("default sub1; null turns it off"),
    text("ref_param").note("default ref_code; null turns it off"),
    texts("pass_params"),
    field("terms", Kind::Objects(terms::FIELDS)),
    field("window", Kind::Object(WINDOW)),
    integer("hold_days").note("default 30"),
    field("caps", Kind::Object(caps::FIELDS)),
    text("fallback_url"),
];

const PATCHABLE: &[Field] = &[
    text("name"),
    text("brand"),
    text("category"),
    text("sku"),
    text("destination"),
    text("preview_url"),
    text("click_param"),
    text("ref_param"),
    texts("pass_params"),
    field("terms", Kind::Objects(terms::FIELDS)).note("live from now on; the past keeps its own"),
    field("window", Kind::Object(WINDOW)),
    integer("hold_days"),
    field("caps", Kind::Object(caps::FIELDS)),
    text("fallback_url"),
];

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, change::ENDPOINT, archive::ENDPOINT];

/// Reads every field but the advertiser into `row`; terms come apart.
fn read(
    input: &mut Input,
    row: &mut OfferRow,
    (advertiser, fallbacks): (Option<&AdvertiserRow>, &Fallbacks),
) -> Option<Vec<GivenTerm>> {
    // Without an advertiser the input is refused; any currency serves to find further bad fields.
    let currency = advertiser.map_or(Currency::KZT, |advertiser| advertiser.currency);
    row.name = input.needs_text("name", 200);
    row.brand = input.text("brand", 200);
    row.category = input.text("category", 100);
    row.sku = input.text("sku", 100);
    row.destination = read_destination(input, "destination", advertiser).unwrap_or_default();
    if row.destination.is_empty() && !input.is_refused("destination") {
        input.missing("destination");
    }
    row.preview_url = input.url("preview_url").map(|(url, _)| url);
    row.click_param = read_param(input, "click_param", "sub1");
    row.ref_param = read_param(input, "ref_param", "ref_code");
    row.pass_params = input.texts("pass_params", PASS_PARAMS_MAX, 64).unwrap_or_default();
    let terms = terms::read(input, currency);
    if let Some(mut window) = input.object("window", WINDOW) {
        let days = window.integer("click_days", 1..=DAYS_MAX);
        row.click_window_days = days.unwrap_or(CLICK_WINDOW_DAYS);
        let hours = window.integer("probabilistic_hours", 0..=72);
        row.probabilistic_hours = hours.unwrap_or(PROBABILISTIC_HOURS);
        input.absorb(window);
    }
    row.hold_days = input.integer("hold_days", 0..=DAYS_MAX).unwrap_or(HOLD_DAYS);
    row.caps = caps::read(input, currency);
    row.fallback_url = fallbacks.read(input, advertiser);
    terms
}

/// An https URL on a host that the advertiser allows.
pub(crate) fn read_destination(
    input: &mut Input,
    name: &str,
    advertiser: Option<&AdvertiserRow>,
) -> Option<String> {
    let (url, host) = input.url(name)?;
    let is_off_list =
        advertiser.is_some_and(|advertiser| !urls::is_allowed(&host, &advertiser.allowed_hosts));
    if is_off_list {
        input.refuse(name, format!("{host} is not an allowed host of the advertiser"));
        return None;
    }
    Some(url)
}

/// A parameter's name: absent means the default, `null` means none.
fn read_param(input: &mut Input, name: &str, default: &str) -> Option<String> {
    if !input.is_sent(name) {
        return Some(default.to_owned());
    }
    let param = input.text(name, 64)?;
    let is_plain =
        |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-' | b'.');
    if !param.bytes().all(is_plain) {
        input.refuse(name, "must be letters, digits, `_`, `-` or `.`");
    }
    Some(param)
}

fn view(row: &OfferRow, live: &[TermRow]) -> Value {
    let scope_id = row.id.to_string();
    let own = || live.iter().filter(|term| term.scope_id == scope_id);
    let commission_pct = own().find_map(|term| match (term.action, term.price) {
        (TermAction::Purchase, Price::Percent(rate)) => Some(money::percent(rate)),
        _ => None,
    });
    json!({
        "id": scope_id,
        "advertiser_id": row.advertiser.to_string(),
        "name": row.name,
        "brand": row.brand,
        "category": row.category,
        "sku": row.sku,
        "destination": row.destination,
        "preview_url": row.preview_url,
        "click_param": row.click_param,
        "ref_param": row.ref_param,
        "pass_params": row.pass_params,
        "terms": terms::view(own()),
        "commission_pct": commission_pct,
        "window": {
            "click_days": row.click_window_days,
            "probabilistic_hours": row.probabilistic_hours,
        },
        "hold_days": row.hold_days,
        "caps": row.caps,
        "fallback_url": row.fallback_url,
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The live terms of an offer.
async fn live_terms(call: &mut Call, id: OfferId) -> Result<Vec<TermRow>, Problem> {
    let scope_id = id.to_string();
    Ok(call.tx.terms().standing((TermScope::Offer, &scope_id), call.now).await?)
}

/// The offer that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<OfferRow, Problem> {
    let id: OfferId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.offers().get(id, reach).await?.ok_or(Problem::NotFound)
}
