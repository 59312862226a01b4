//! `DELETE /v1/coupons/{id}`: takes it back and out of the lists; codes are never given twice.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::coupons::KIND;
use crate::api::coupons::invalidated;
use crate::api::coupons::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/coupons/{id}", run!(archive)).says("Take a coupon back and archive it");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = invalidated(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.coupons().update(&row).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
