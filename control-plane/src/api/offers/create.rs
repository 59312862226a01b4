//! `POST /v1/offers`.

use model::id::AdvertiserId;
use model::id::OfferId;
use serde_json::json;
use store::offers::OfferRow;
use store::terms::TermScope;

use crate::api::advertisers;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::given;
use crate::api::offers::CLICK_WINDOW_DAYS;
use crate::api::offers::FIELDS;
use crate::api::offers::HOLD_DAYS;
use crate::api::offers::KIND;
use crate::api::offers::PROBABILISTIC_HOURS;
use crate::api::offers::read;
use crate::api::offers::view;
use crate::api::terms;
use crate::api::urls::Fallbacks;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/offers", run!(create)).says("Make an offer").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    if !input.has("advertiser_id") {
        input.missing("advertiser_id");
    }
    let advertiser = advertisers::referred(call, &mut input, "advertiser_id").await?;
    let mut row = empty(call);
    let fallbacks = Fallbacks::of(call).await?;
    let around = (advertiser.as_ref(), &fallbacks);
    let given_terms = read(&mut input, &mut row, around).unwrap_or_default();
    input.finish()?;
    row.advertiser = given(advertiser)?.id;
    let scope_id = row.id.to_string();
    let scope = (TermScope::Offer, scope_id.as_str());
    let rows = terms::rows(&given_terms, scope, call.now, &mut call.rng);
    call.tx.offers().insert(&row).await?;
    call.tx.terms().replace(scope, &rows, call.now).await?;
    Ok(Answer::object(KIND, view(&row, &rows)))
}

/// An offer of which nothing is known yet.
fn empty(call: &mut Call) -> OfferRow {
    OfferRow {
        id: OfferId::new(call.now, &mut call.rng),
        advertiser: AdvertiserId(0),
        name: String::new(),
        brand: None,
        category: None,
        sku: None,
        destination: String::new(),
        preview_url: None,
        click_param: None,
        ref_param: None,
        pass_params: Vec::new(),
        click_window_days: CLICK_WINDOW_DAYS,
        probabilistic_hours: PROBABILISTIC_HOURS,
        hold_days: HOLD_DAYS,
        caps: json!({}),
        fallback_url: None,
        created_at: call.now,
        archived_at: None,
    }
}
