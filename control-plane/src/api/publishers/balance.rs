//! `GET /v1/publishers/{id}/balance`: one row per currency; the publisher's own currency stands on
//! top as well.

use model::money::Currency;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use store::ledger::BalanceRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::money;
use crate::api::publishers::named;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/publishers/{id}/balance", run!(balance))
    .says("Show what a publisher has earned, may draw and was paid")
    .roles(OPERATORS_PUBLISHERS);

async fn balance(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let publisher = named(call).await?;
    let rows = call.tx.ledger().balance(publisher.id).await?;
    let own = rows.iter().find(|row| row.currency == publisher.currency);
    let mut body = own.map_or_else(|| nothing(publisher.currency), view);
    let balances = if rows.is_empty() {
        vec![Value::Object(body.clone())]
    } else {
        rows.iter().map(|row| Value::Object(view(row))).collect()
    };
    body.insert("publisher_id".to_owned(), json!(publisher.id.to_string()));
    body.insert("balances".to_owned(), Value::Array(balances));
    Ok(Answer::json(Value::Object(body)))
}

fn view(row: &BalanceRow) -> Map<String, Value> {
    let parts = [
        ("pending", row.pending),
        ("available", row.available),
        ("in_payout", row.in_payout),
        ("paid", row.paid),
        ("owed", row.owed),
        ("tax_pending", row.tax_pending),
        ("tax_withheld", row.tax_withheld),
    ];
    let mut fields = Map::new();
    fields.insert("currency".to_owned(), Value::from(row.currency.code()));
    for (name, minor) in parts {
        fields.insert(name.to_owned(), money::minor(minor, row.currency));
    }
    fields
}

fn nothing(currency: Currency) -> Map<String, Value> {
    let row = BalanceRow {
        currency,
        pending: 0,
        available: 0,
        in_payout: 0,
        paid: 0,
        owed: 0,
        tax_pending: 0,
        tax_withheld: 0,
    };
    view(&row)
}
