//! `GET /v1/tax/report?period=`: per person what was earned and what was kept back.

use std::collections::BTreeMap;

use ledger::Word;
use model::id::PublisherId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::listing::Reach;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::money;
use crate::api::tax::NOTE;
use crate::api::tax::QUERY;
use crate::api::tax::period;
use crate::settle::withheld;
use crate::settle::withheld::Withheld;
use crate::tax;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/tax/report", run!(report))
    .says("The register of withheld tax of a period, from the ledger's own postings")
    .roles(OPERATORS)
    .query(QUERY);

async fn report(call: &mut Call) -> Outcome {
    let (period, from, to) = period(call).await?;
    let found = withheld::register(&mut call.tx.ledger(), (from, to)).await?;
    let mut data = Vec::new();
    let mut totals: BTreeMap<(Currency, Word), i64> = BTreeMap::new();
    for ((publisher, currency), row) in &found {
        for (component, minor) in &row.components {
            *totals.entry((*currency, *component)).or_default() += minor;
        }
        data.push(view(call, (*publisher, *currency), row).await?);
    }
    let total = |((currency, component), minor): (&(Currency, Word), &i64)| {
        json!({
            "component": component.to_string(), "amount": money::minor(*minor, *currency),
        })
    };
    let rates = tax::table().rules.iter().map(|row| {
        json!({
            "regime": row.regime.as_str(), "component": row.component, "bp": row.bp,
            "base": row.base.as_str(), "payer": row.payer.as_str(),
            "valid_from": row.valid_from.to_string(),
            "valid_to": row.valid_to.map(|day| day.to_string()),
            "legal_ref": row.legal_ref, "confidence": row.confidence.as_str(),
            "confirmed_by": row.confirmed_by, "confirmed_on": row.confirmed_on,
        })
    });
    Ok(Answer::json(json!({
        "period": period,
        "data": data,
        "totals": totals.iter().map(total).collect::<Vec<Value>>(),
        "rates": rates.collect::<Vec<Value>>(),
        "note": NOTE,
    })))
}

async fn view(
    call: &mut Call,
    (publisher, currency): (PublisherId, Currency),
    row: &Withheld,
) -> Result<Value, Problem> {
    let person = call.tx.publishers().get(publisher, Reach::Tenant).await?;
    let components: Vec<Value> = row
        .components
        .iter()
        .map(|(component, minor)| {
            json!({
                "component": component.to_string(), "amount": money::minor(*minor, currency),
            })
        })
        .collect();
    let tax = row.tax_minor();
    Ok(json!({
        "publisher_id": publisher.to_string(),
        "name": person.as_ref().map(|person| person.name.clone()),
        "iin": person.as_ref().and_then(|person| person.iin.clone()),
        "regime": person.as_ref().map(|person| person.tax_regime.as_str()),
        "currency": currency.code(),
        "income": money::minor(row.income_minor, currency),
        "components": components,
        "tax": money::minor(tax, currency),
        "net": money::minor(row.income_minor - tax, currency),
    }))
}
