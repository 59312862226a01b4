//! `DELETE /v1/coupons/{id}`: the same as taking it back; codes are never given twice.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::coupons::KIND;
use crate::api::coupons::invalidated;
use crate::api::coupons::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/coupons/{id}", run!(archive)).says("Take a coupon back");

async fn archive(call: &mut Call) -> Outcome {
    let row = invalidated(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
