//! `POST /v1/advances`: pays what is approved and not released yet, for a fee.

use model::catalog::Role;
use model::money::Money;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::given;
use crate::api::input::text;
use crate::api::money;
use crate::api::publishers;
use crate::api::time::instant;
use crate::settle::AdvanceAsked;
use crate::settle::pay::PayError;

const FIELDS: &[Field] = &[
    text("publisher_id").note("default: the caller"),
    field("amount", Kind::Money).note("default: all that is approved, within the limits"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/advances", run!(create))
    .says("Pay approved earnings before their hold ends, for a fee")
    .roles(&[Role::Admin, Role::Finance, Role::Publisher])
    .fields(FIELDS)
    .on_its_own();

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let publisher = if input.has("publisher_id") {
        publishers::referred(call, &mut input, "publisher_id").await?
    } else {
        publishers::own(call).await?
    };
    if publisher.is_none() && !input.is_refused("publisher_id") {
        input.missing("publisher_id");
    }
    let currency = publisher.as_ref().map(|row| row.currency);
    let amount = currency.and_then(|currency| input.money("amount", currency));
    if amount.is_some_and(|amount| amount.minor == 0) {
        input.refuse("amount", "must be above zero");
    }
    input.finish()?;
    let publisher = given(publisher)?;
    let asked = AdvanceAsked {
        publisher: publisher.id,
        amount,
        currency: publisher.currency,
        by: call.caller.key.to_string(),
    };
    let made = match call.api.desk.advance(call.caller.tenant, &asked).await {
        Err(PayError::NotNow(why)) => {
            return Err(Problem::Conflict(FieldError::new("amount", why)));
        }
        other => other?,
    };
    let paid = Money::new(made.amount.minor - made.fee.minor, made.amount.currency);
    let conversions: Vec<_> = made.conversions.iter().map(|row| row.id.to_string()).collect();
    Ok(Answer::object(
        "advance",
        json!({
            "id": made.id.to_string(),
            "publisher_id": publisher.id.to_string(),
            "amount": money::view(made.amount),
            "fee": money::view(made.fee),
            "paid": money::view(paid),
            "conversion_ids": conversions,
            "created_at": instant(made.at),
        }),
    ))
}
