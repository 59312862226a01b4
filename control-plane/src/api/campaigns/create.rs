//! `POST /v1/campaigns`: refused when its worst case leaves the publisher less than nothing.

use model::conversion::AttributionModel;
use model::conversion::CouponPrecedence;
use model::id::CampaignId;
use model::money::BasisPoints;
use serde_json::json;
use store::campaigns::CampaignRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns::FIELDS;
use crate::api::campaigns::KIND;
use crate::api::campaigns::read;
use crate::api::campaigns::save_terms;
use crate::api::campaigns::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/campaigns", run!(create)).says("Make a campaign").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let mut row = empty(call);
    let terms = read(call, &mut input, &mut row).await?;
    input.finish()?;
    call.tx.campaigns().insert(&row).await?;
    save_terms(call, row.id, &terms).await?;
    Ok(Answer::object(KIND, view(call, &row).await?))
}

/// A campaign of which nothing is known yet.
fn empty(call: &mut Call) -> CampaignRow {
    CampaignRow {
        id: CampaignId::new(call.now, &mut call.rng),
        advertiser: None,
        name: String::new(),
        offers: Vec::new(),
        starts_on: None,
        ends_on: None,
        attribution: AttributionModel::FirstTouch,
        coupon_precedence: CouponPrecedence::CouponWins,
        fee: BasisPoints::ZERO,
        share: BasisPoints::ZERO,
        budget_minor: None,
        referrer_policy: String::new(),
        tags: Vec::new(),
        label: json!({}),
        prelander: json!({}),
        created_at: call.now,
        archived_at: None,
    }
}
