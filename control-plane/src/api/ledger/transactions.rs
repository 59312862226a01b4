//! `GET /v1/ledger/transactions`: newest first, each with its postings and its link in the hash
//! chain.

use serde_json::Value;
use serde_json::json;
use store::ledger::PostingRow;
use store::ledger::TransactionRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::hex;
use crate::api::input::text;
use crate::api::money;
use crate::api::page::cut;
use crate::api::page::peek;
use crate::api::time::instant;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/ledger/transactions", run!(list))
    .says("List the ledger's transactions")
    .roles(OPERATORS)
    .query(&[text("conversion_id")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let conversion = query.id("conversion_id");
    query.finish()?;
    let mut rows = call.tx.ledger().transactions(conversion, &peek(&call.page)).await?;
    let next = cut(&mut rows, &call.page, |row| row.seq.to_string());
    let data: Vec<Value> = rows.iter().map(view).collect();
    Ok(Answer::rows(data, next))
}

fn view(row: &TransactionRow) -> Value {
    let postings: Vec<Value> = row.postings.iter().map(posting).collect();
    json!({
        "id": row.id.to_string(),
        "transaction_id": row.id.to_string(),
        "seq": row.seq,
        "conversion_id": row.conversion.map(|id| id.to_string()),
        "reverses": row.reverses.map(|id| id.to_string()),
        "amends": row.amends.map(|id| id.to_string()),
        "memo": row.memo,
        "at": instant(row.at),
        "previous_hash": hex::text(&row.previous_hash),
        "hash": hex::text(&row.hash),
        "postings": postings,
    })
}

fn posting(row: &PostingRow) -> Value {
    let amount = money::minor(row.amount_minor, row.currency);
    json!({"account": row.account, "side": row.side.as_str(), "amount": amount})
}
