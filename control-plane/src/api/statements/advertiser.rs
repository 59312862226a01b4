//! `GET /v1/advertisers/{id}/statement?month=`.

use ledger::AccountKind;
use model::id::AdvertiserId;
use serde_json::Value;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::statements::QUERY;
use crate::api::statements::month;
use crate::api::statements::view;
use crate::settle::statement;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/advertisers/{id}/statement", run!(advertiser))
        .says("An advertiser's statement of a month: what it owed, what moved, what it owes")
        .roles(OPERATORS_ADVERTISERS)
        .query(QUERY);

async fn advertiser(call: &mut Call) -> Outcome {
    let id: AdvertiserId = call.path_id("id")?;
    let reach = call.reach();
    let row = call.tx.advertisers().get(id, reach).await?.ok_or(Problem::NotFound)?;
    let (month, from, to) = month(call).await?;
    let made = statement::statement(&mut call.tx, &row.id.to_string(), (from, to)).await?;
    let mut body = view(&made, &[AccountKind::AdvertiserReceivable], row.currency);
    body.insert("advertiser_id".to_owned(), json!(row.id.to_string()));
    body.insert("month".to_owned(), json!(month));
    Ok(Answer::json(Value::Object(body)))
}
