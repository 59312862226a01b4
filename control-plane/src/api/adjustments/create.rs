//! `POST /v1/adjustments`: asks for a correction; nothing is posted until somebody else agrees.

use model::id::AdjustmentId;
use model::id::ConversionId;
use store::office::AdjustmentRow;
use store::office::AdjustmentStatus;
use store::payouts::Payee;

use crate::api::adjustments::KIND;
use crate::api::adjustments::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Field;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::given;
use crate::api::input::text;
use crate::api::publishers;

model::words! {
    /// Which way a correction goes.
    pub enum Direction {
        /// The publisher gets it.
        Credit = "credit",
        /// The publisher gives it.
        Debit = "debit",
    }
}

const FIELDS: &[Field] = &[
    text("publisher_id").required(),
    field("amount", Kind::Money).required().note("above zero, in the publisher's currency"),
    text("direction").note("credit (default) | debit"),
    text("reason").required().note("kept for ever"),
    text("conversion_id").note("what it corrects"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/adjustments", run!(create))
    .says("Ask for a correction; a second person must agree")
    .roles(FINANCE)
    .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    if !input.has("publisher_id") {
        input.missing("publisher_id");
    }
    let publisher = publishers::referred(call, &mut input, "publisher_id").await?;
    let reason = input.needs_text("reason", 2000);
    let direction = input.word("direction", Direction::parse, Direction::ALL);
    let conversion = input.id::<ConversionId>("conversion_id");
    if !input.has("amount") {
        input.missing("amount");
    }
    let currency = publisher.as_ref().map(|row| row.currency);
    let amount = currency.and_then(|currency| input.money("amount", currency));
    if amount.is_some_and(|amount| amount.minor == 0) {
        input.refuse("amount", "must be above zero");
    }
    if let Some(id) = conversion
        && call.tx.conversions().get(id).await?.is_none()
    {
        input.refuse("conversion_id", "there is no such conversion");
    }
    input.finish()?;
    let (publisher, amount) = (given(publisher)?, given(amount)?);
    let sign = if direction == Some(Direction::Debit) { -1 } else { 1 };
    let row = AdjustmentRow {
        id: AdjustmentId::new(call.now, &mut call.rng),
        payee: Payee::Publisher(publisher.id),
        amount_minor: amount.minor * sign,
        currency: amount.currency,
        reason,
        conversion,
        status: AdjustmentStatus::Proposed,
        made_by: call.caller.key.to_string(),
        decided_by: None,
        decided_at: None,
        transaction: None,
        created_at: call.now,
    };
    call.tx.office().insert_adjustment(&row).await?;
    Ok(Answer::object(KIND, view(&row)))
}
