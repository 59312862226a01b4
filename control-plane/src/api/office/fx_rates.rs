//! `PUT /v1/fx-rates`: sets rates of exchange by day.

use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::office::FxRate;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::fx;

/// Rates of one call at most.
const RATES_MAX: usize = 5_000;

const RATE: &[Field] = &[
    field("on", Kind::Day).required().note("the day it is of, YYYY-MM-DD"),
    text("base").required().note("one unit of this currency…"),
    text("quote").required().note("…is so many of this one"),
    text("rate").required().note("decimal text with at most nine decimals"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::put("/v1/fx-rates", run!(set))
    .says("Set rates of exchange; what was posted keeps its own")
    .roles(FINANCE)
    .fields(&[field("rates", Kind::Objects(RATE)).required()]);

pub(super) fn view(row: &FxRate) -> Value {
    json!({
        "on": row.on_day,
        "base": row.base.code(),
        "quote": row.quote.code(),
        "rate": fx::text(row.rate_e9),
    })
}

async fn set(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let mut rows = Vec::new();
    match input.objects("rates", RATE, RATES_MAX) {
        Some(items) => {
            for mut item in items {
                rows.extend(read(&mut item));
                input.absorb(item);
            }
        }
        None => input.missing("rates"),
    }
    input.finish()?;
    let by = call.caller.key.to_string();
    call.tx.office().set_rates(&rows, (&by, call.now)).await?;
    Ok(Answer::json(json!({ "data": rows.iter().map(view).collect::<Vec<_>>() })))
}

fn read(item: &mut Input) -> Option<FxRate> {
    let on_day = item.needs_text("on", 10);
    if crate::api::time::parse_date(&on_day).is_none() {
        item.refuse("on", "must be a day such as 2026-01-31");
    }
    let mut currency = |name: &str| {
        let code = item.needs_text(name, 3);
        let currency = Currency::parse(&code);
        if let Err(error) = &currency {
            item.refuse(name, error.to_string());
        }
        currency.ok()
    };
    let (base, quote) = (currency("base"), currency("quote"));
    if base.is_some() && base == quote {
        item.refuse("quote", "must be another currency than base");
    }
    let rate = match item.value("rate") {
        Some(Value::String(text)) => fx::parse(&text),
        Some(Value::Number(number)) => fx::parse(&number.to_string()),
        _ => None,
    };
    if rate.is_none() {
        item.refuse("rate", "must be decimal text above zero with at most nine decimals");
    }
    Some(FxRate { on_day, base: base?, quote: quote?, rate_e9: rate? })
}
