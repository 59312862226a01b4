//! `POST /v1/coupons/{id}/invalidate`: it earns nothing from now on.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::coupons::KIND;
use crate::api::coupons::invalidated;
use crate::api::coupons::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/coupons/{id}/invalidate", "invalidate", run!(invalidate))
        .says("Take a coupon back");

async fn invalidate(call: &mut Call) -> Outcome {
    call.input().finish()?;
    let row = invalidated(call).await?;
    Ok(Answer::object(KIND, view(&row)))
}
