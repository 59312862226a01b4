//! `GET /v1/coupons`: newest first, taken-back ones included.

use store::coupons::CouponFilter;
use store::coupons::CouponStatus;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::coupons::KIND;
use crate::api::coupons::folded;
use crate::api::coupons::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/coupons", run!(list))
    .says("List coupons")
    .with_archive()
    .roles(EVERYBODY)
    .query(&[text("campaign_id"), text("publisher_id"), text("status"), text("code")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = CouponFilter {
        campaign: query.id("campaign_id"),
        publisher: query.id("publisher_id"),
        status: query.word("status", CouponStatus::parse, CouponStatus::ALL),
        code: query.text("code", 64).map(|code| folded(&code)),
    };
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.coupons().list(&filter, reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
