//! `GET /v1/publishers/{id}/statement?month=`.

use model::id::PublisherId;
use serde_json::Value;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::statements::OF_PUBLISHERS;
use crate::api::statements::QUERY;
use crate::api::statements::month;
use crate::api::statements::view;
use crate::settle::statement;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/publishers/{id}/statement", run!(publisher))
        .says("A publisher's statement of a month: opening, lines, closing, head of the chain")
        .roles(OPERATORS_PUBLISHERS)
        .query(QUERY);

async fn publisher(call: &mut Call) -> Outcome {
    let id: PublisherId = call.path_id("id")?;
    let reach = call.reach();
    let row = call.tx.publishers().get(id, reach).await?.ok_or(Problem::NotFound)?;
    let (month, from, to) = month(call).await?;
    let made = statement::statement(&mut call.tx, &row.id.to_string(), (from, to)).await?;
    let mut body = view(&made, OF_PUBLISHERS, row.currency);
    body.insert("publisher_id".to_owned(), json!(row.id.to_string()));
    body.insert("month".to_owned(), json!(month));
    Ok(Answer::json(Value::Object(body)))
}
