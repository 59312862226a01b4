//! `POST /v1/payouts/runs/{id}/results`: what the bank says became of a run.

use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::payouts::named_run;
use crate::api::payouts::view;
use crate::settle::pay::file::ResultLine;
use crate::settle::pay::file::read_results;

/// Results of one call at most.
const RESULTS_MAX: usize = 10_000;

const RESULT: &[Field] = &[
    text("payout_id").required(),
    text("status").required().note("paid | declined | accepted | unknown | returned"),
    text("reference").note("the bank's own name of the payment; needed for paid"),
    field("amount", Kind::Money).note("what the bank says it paid"),
    text("detail"),
];

const FIELDS: &[Field] = &[
    text("csv").note("columns payout_id, status, reference, amount, detail"),
    field("results", Kind::Objects(RESULT)).note("instead of csv"),
];

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/payouts/runs/{id}/results", "results", run!(results))
        .says("Take the bank's results of a run")
        .roles(FINANCE)
        .fields(FIELDS)
        .on_its_own();

async fn results(call: &mut Call) -> Outcome {
    let row = named_run(call).await?;
    let mut input = call.input();
    let lines = read(&mut input)?;
    input.finish()?;
    let by = call.caller.key.to_string();
    let named = (call.caller.tenant, row.id);
    let rows = call.api.desk.take_results(named, &lines, &by).await?;
    let paid = rows.iter().filter(|row| row.state.as_str() == "paid").count();
    let payouts: Vec<_> = rows.iter().map(view).collect();
    Ok(Answer::json(json!({
        "run_id": row.id.to_string(), "taken": payouts.len(), "paid": paid, "payouts": payouts,
    })))
}

fn read(input: &mut Input) -> Result<Vec<ResultLine>, Problem> {
    let csv = input.value("csv");
    let given = input.objects("results", RESULT, RESULTS_MAX);
    match (csv, given) {
        (Some(_), Some(_)) => {
            input.refuse("results", "is given beside csv");
            Ok(Vec::new())
        }
        (Some(csv), None) => {
            let text = csv.as_str().unwrap_or_default();
            read_results(text).map_err(|error| Problem::field("csv", &error.to_string()))
        }
        (None, Some(items)) => {
            let mut lines = Vec::new();
            for (line, mut item) in (1..).zip(items) {
                lines.extend(read_one(&mut item, line));
                input.absorb(item);
            }
            Ok(lines)
        }
        (None, None) => {
            input.missing("results");
            Ok(Vec::new())
        }
    }
}

fn read_one(item: &mut Input, line: usize) -> Option<ResultLine> {
    if !item.has("payout_id") {
        item.missing("payout_id");
    }
    let payout = item.id("payout_id");
    let status = item.needs_text("status", 20);
    let amount = item.value("amount").map(|value| match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Object(fields) => {
            fields.get("amount").and_then(|text| text.as_str()).unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    });
    let (reference, detail) = (item.text("reference", 200), item.text("detail", 500));
    Some(ResultLine { line, payout: payout?, status, reference, amount, detail })
}
