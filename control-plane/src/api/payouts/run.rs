//! `POST /v1/payouts/run`: one payout for everybody with enough available.

use model::catalog::Role;
use model::id::PublisherId;
use model::money::Currency;
use model::money::Money;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::payouts::view;
use crate::settle::pay::Asked;

/// Publishers named at most.
const PUBLISHERS_MAX: usize = 10_000;

const FIELDS: &[Field] = &[
    field("minimum", Kind::Money).note("less stays where it is; default: nothing is too little"),
    texts("publisher_ids").note("default: everybody"),
    text("rail").note("default: each payee's own, else file"),
    field("dry_run", Kind::Flag).note("true: says what would be paid, and changes nothing"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::act("/v1/payouts/run", "run", run!(run))
    .says("Make payouts of what is available")
    .roles(&[Role::Admin, Role::Finance, Role::Cron])
    .aliases(&["/v1/rewards/payout/run"])
    .fields(FIELDS)
    .on_its_own();

async fn run(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let minimum = read_minimum(&mut input);
    let publishers = read_publishers(&mut input);
    let rail = input.text("rail", 32);
    let dry_run = input.flag("dry_run").unwrap_or(false);
    if let Some(rail) = &rail
        && !call.api.desk.has_rail(rail)
    {
        input.refuse("rail", "there is no such rail");
    }
    input.finish()?;
    let asked = Asked { minimum, publishers, rail, dry_run };
    let by = call.caller.key.to_string();
    let made = call.api.desk.pay(call.caller.tenant, &asked, &by).await?;
    let payouts: Vec<_> = made.payouts.iter().map(view).collect();
    let is_made = !dry_run && !payouts.is_empty();
    Ok(Answer::json(json!({
        "paid_count": if dry_run { 0 } else { payouts.len() },
        "run_id": is_made.then(|| made.run.id.to_string()),
        "state": made.run.state.as_str(),
        "dry_run": dry_run,
        "payouts": payouts,
        "skipped": made.run.skipped,
    })))
}

/// Decimal text; in which currency it is read depends on what is paid.
fn read_minimum(input: &mut Input) -> Option<String> {
    let minimum = input.money("minimum", Currency::KZT)?;
    Some(Money::amount(minimum))
}

fn read_publishers(input: &mut Input) -> Vec<PublisherId> {
    let mut ids = Vec::new();
    for text in input.texts("publisher_ids", PUBLISHERS_MAX, 64).unwrap_or_default() {
        match text.parse() {
            Ok(id) => ids.push(id),
            Err(_) => input.refuse("publisher_ids", format!("{text} is no publisher")),
        }
    }
    ids
}
