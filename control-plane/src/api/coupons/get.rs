//! `GET /v1/coupons/{id}`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::coupons::KIND;
use crate::api::coupons::named;
use crate::api::coupons::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/coupons/{id}", run!(get)).says("Show one coupon").roles(EVERYBODY);

async fn get(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
