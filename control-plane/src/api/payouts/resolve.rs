//! `POST /v1/payouts/{id}/resolve`: a person settles what nobody knows.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::payouts::KIND;
use crate::api::payouts::named;
use crate::api::payouts::view;
use crate::settle::pay::Resolution;
use crate::settle::pay::rail::Told;

const FIELDS: &[Field] = &[
    text("status").required().note("paid | declined | accepted"),
    text("reference").note("the rail's own name of the payment; needed for paid"),
    text("evidence").required().note("what proves it; kept for ever"),
];

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/payouts/{id}/resolve", "resolve", run!(resolve))
        .says("Settle an unknown payout by hand, with evidence")
        .roles(FINANCE)
        .fields(FIELDS)
        .on_its_own();

async fn resolve(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    let status = input.needs_text("status", 20);
    let reference = input.text("reference", 200);
    let evidence = input.needs_text("evidence", 2000);
    let told = match (status.as_str(), reference) {
        ("paid", Some(reference)) => Told::Paid { reference, amount: None },
        ("paid", None) => {
            input.missing("reference");
            Told::Accepted
        }
        ("declined", _) => Told::Declined(evidence.clone()),
        ("accepted", _) => Told::Accepted,
        _ => {
            input.refuse("status", "must be one of paid, declined, accepted");
            Told::Accepted
        }
    };
    input.finish()?;
    let by = call.caller.key.to_string();
    let resolution = Resolution { told, evidence, by };
    let row = call.api.desk.resolve((call.caller.tenant, row.id), resolution).await?;
    Ok(Answer::object(KIND, view(&row)))
}
