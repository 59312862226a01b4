//! `POST /v1/coupons/{id}/regenerate`: the coupon gets another code. The old code stays behind on a
//! coupon of its own that is taken back, so that nobody else ever earns by it.

use model::id::CouponId;
use store::coupons::CouponRow;
use store::coupons::CouponStatus;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::codes;
use crate::api::coupons::FIELDS;
use crate::api::coupons::KIND;
use crate::api::coupons::generate::Recipe;
use crate::api::coupons::named;
use crate::api::coupons::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::input::Field;

/// `generate` alone.
const OWN_FIELDS: &[Field] = FIELDS.split_at(3).1;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/coupons/{id}/regenerate", "regenerate", run!(regenerate))
        .says("Give a coupon another code")
        .fields(OWN_FIELDS);

async fn regenerate(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut input = call.input();
    let recipe = Recipe::read(&mut input).unwrap_or_else(Recipe::plain);
    input.finish()?;
    if row.status != CouponStatus::Active {
        return Err(Problem::Conflict(FieldError::new("status", "was taken back for good")));
    }
    let past = CouponRow {
        id: CouponId::new(call.now, &mut call.rng),
        status: CouponStatus::Invalid,
        invalidated_at: Some(call.now),
        ..row.clone()
    };
    row.code = free_code(call, &recipe).await?;
    row.status = CouponStatus::Active;
    row.invalidated_at = None;
    call.tx.coupons().update(&row).await?;
    call.tx.coupons().insert(&past).await?;
    Ok(Answer::object(KIND, view(&row)))
}

async fn free_code(call: &mut Call, recipe: &Recipe) -> Result<String, Problem> {
    for _ in 0..codes::DRAWS_MAX {
        let code = recipe.draw(&mut call.rng);
        if call.tx.coupons().by_code(&code).await?.is_none() {
            return Ok(code);
        }
    }
    Err(Problem::field("generate", "codes of this length and alphabet are used up"))
}
