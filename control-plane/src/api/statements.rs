//! Statements per month, of publishers and of advertisers, as JSON and as CSV.

use jiff::civil::Date;
use ledger::AccountKind;
use model::clock::Timestamp;
use model::money::Currency;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::hex;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::money;
use crate::api::time;
use crate::settle::statement;
use crate::settle::statement::OfCurrency;
use crate::settle::statement::Statement;

mod advertiser;
mod publisher;
mod publisher_csv;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[publisher::ENDPOINT, publisher_csv::ENDPOINT, advertiser::ENDPOINT];

const QUERY: &[Field] = &[text("month").note("YYYY-MM in the tenant's time zone; default: now")];

/// Kinds of account that a publisher's statement always shows.
const OF_PUBLISHERS: &[AccountKind] = &[
    AccountKind::PublisherPending,
    AccountKind::PublisherAvailable,
    AccountKind::ClawbackReceivable,
    AccountKind::AdvanceReceivable,
    AccountKind::TaxPending,
    AccountKind::TaxWithheld,
];

/// The month that is asked for, and its first and last instant.
async fn month(call: &mut Call) -> Result<(String, Timestamp, Timestamp), Problem> {
    let mut query = call.query();
    let month = query.text("month", 7);
    let zone = call.tenant().await?.time_zone;
    let first = match &month {
        Some(month) => {
            let day = time::parse_date(&format!("{month}-01"));
            if day.is_none() {
                query.refuse("month", "must be a month such as 2026-01");
            }
            day
        }
        None => time::day_of(call.now, &zone).map(Date::first_of_month),
    };
    query.finish()?;
    let first = first.ok_or(Problem::NotFound)?;
    let next = first.last_of_month().tomorrow().unwrap_or(first);
    let start = |day| time::start_of(day, &zone).ok_or(Problem::NotFound);
    let text = first.to_string();
    let month = text.get(..7).unwrap_or_default().to_owned();
    Ok((month, start(first)?, start(next)?))
}

fn view(statement: &Statement, kinds: &[AccountKind], own: Currency) -> Map<String, Value> {
    let mut body = Map::new();
    let found = statement.currencies.iter().find(|of| of.currency == own);
    let top = found.map_or_else(|| of_currency(&nothing(own), kinds), |of| of_currency(of, kinds));
    for (name, value) in top {
        body.insert(name, value);
    }
    let all = statement.currencies.iter().map(|of| Value::Object(of_currency(of, kinds)));
    body.insert("statements".to_owned(), all.collect());
    let head = statement.head.map(|(seq, hash)| json!({ "seq": seq, "hash": hex::text(&hash) }));
    body.insert("chain".to_owned(), head.unwrap_or(Value::Null));
    body
}

const fn nothing(currency: Currency) -> OfCurrency {
    OfCurrency {
        currency,
        opening: std::collections::BTreeMap::new(),
        closing: std::collections::BTreeMap::new(),
        lines: Vec::new(),
    }
}

fn of_currency(of: &OfCurrency, kinds: &[AccountKind]) -> Map<String, Value> {
    let shown = |balances: &std::collections::BTreeMap<AccountKind, i64>| {
        let mut fields = Map::new();
        for kind in kinds.iter().chain(balances.keys()) {
            let minor = balances.get(kind).copied().unwrap_or(0);
            fields.insert(statement::word(*kind).to_owned(), money::minor(minor, of.currency));
        }
        Value::Object(fields)
    };
    let line = |line: &store::ledger::Line| {
        let what = line.memo.split(' ').next().unwrap_or_default();
        json!({
            "at": time::instant(line.at),
            "seq": line.seq,
            "transaction_id": line.transaction.to_string(),
            "conversion_id": line.conversion.map(|id| id.to_string()),
            "what": what,
            "memo": line.memo,
            "account": statement::word(line.account.kind()),
            "component": line.account.component().map(|word| word.to_string()),
            "amount": money::minor(line.change_minor, of.currency),
        })
    };
    let mut fields = Map::new();
    fields.insert("currency".to_owned(), Value::from(of.currency.code()));
    fields.insert("opening".to_owned(), shown(&of.opening));
    fields.insert("lines".to_owned(), of.lines.iter().map(line).collect());
    fields.insert("closing".to_owned(), shown(&of.closing));
    fields
}
