//! `POST /v1/shoppers`.

use model::id::ShopperId;
use store::error::StoreError;
use store::shoppers::ShopperRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::publishers;
use crate::api::shoppers::FIELDS;
use crate::api::shoppers::KIND;
use crate::api::shoppers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/shoppers", run!(create)).says("Make a shopper").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let user_id = input.needs_text("user_id", 128);
    let (phone, email) = publishers::read_contacts(&mut input);
    input.finish()?;
    let id = ShopperId::new(call.now, &mut call.rng);
    let row = ShopperRow { id, user_id, phone, email, created_at: call.now };
    call.tx.shoppers().insert(&row).await.map_err(|error| match error {
        StoreError::Unique(_) => Problem::taken("user_id"),
        other => other.into(),
    })?;
    Ok(Answer::object(KIND, view(&row)))
}
