//! `GET /v1/shoppers`: newest first.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::shoppers::KIND;
use crate::api::shoppers::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/shoppers", run!(list))
    .says("List shoppers")
    .roles(OPERATORS)
    .query(&[text("user_id")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let user_id = query.text("user_id", 128);
    query.finish()?;
    let page = call.tx.shoppers().list(user_id.as_deref(), &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
