//! `GET /v1/ledger/trial-balance`: debits and credits per currency; the difference must be zero.

use ledger::Trial;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::money;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/ledger/trial-balance", run!(trial_balance))
        .says("Sum debits and credits per currency")
        .roles(OPERATORS)
        .query(&[field("at", Kind::Instant).note("default now")]);

async fn trial_balance(call: &mut Call) -> Outcome {
    let zone = call.tenant().await?.time_zone;
    let mut query = call.query();
    let at = query.moment_end("at", &zone);
    query.finish()?;
    let trials = call.tx.ledger().trial_balance(at).await?;
    let data: Vec<Value> = trials.iter().map(view).collect();
    Ok(Answer::json(json!({ "data": data })))
}

fn view(trial: &Trial) -> Value {
    json!({
        "currency": trial.currency.code(),
        "debits": amount(trial.debits, trial.currency),
        "credits": amount(trial.credits, trial.currency),
        "difference": amount(trial.debits - trial.credits, trial.currency),
    })
}

/// Sums beyond 64 bits are cut off; no ledger of money reaches them.
fn amount(minor: i128, currency: Currency) -> Value {
    let most = if minor < 0 { i64::MIN } else { i64::MAX };
    money::minor(i64::try_from(minor).unwrap_or(most), currency)
}
