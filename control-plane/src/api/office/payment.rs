//! `POST /v1/advertisers/{id}/payments`: books what an advertiser has paid, once per reference.

use ledger::Word;
use model::id::AdvertiserId;
use model::money::Money;
use serde_json::Value;
use serde_json::json;
use store::listing::Reach;
use store::office::PaymentRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
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
use crate::api::time::instant;
use crate::settle::Received;
use crate::settle::pay::PayError;

/// Where money stands that nobody names an account for.
const BANK: &str = "bank";

const FIELDS: &[Field] = &[
    field("amount", Kind::Money).required().note("in the advertiser's currency"),
    text("reference").required().note("the bank's own name of it: booked once"),
    text("account").note("bank account or rail; default: bank"),
];

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/advertisers/{id}/payments", run!(create))
        .says("Book a payment of an advertiser")
        .roles(FINANCE)
        .fields(FIELDS)
        .on_its_own();

pub(super) fn view(row: &PaymentRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "advertiser_id": row.subject,
        "amount": money::view(Money::new(row.amount_minor, row.currency)),
        "account": row.account,
        "reference": row.reference,
        "made_by": row.made_by,
        "transaction_id": row.transaction.to_string(),
        "created_at": instant(row.created_at),
    })
}

async fn create(call: &mut Call) -> Outcome {
    let id: AdvertiserId = call.path_id("id")?;
    let advertiser = call.tx.advertisers().get(id, Reach::Tenant).await?;
    let advertiser = advertiser.ok_or(Problem::NotFound)?;
    let mut input = call.input();
    if !input.has("amount") {
        input.missing("amount");
    }
    let amount = input.money("amount", advertiser.currency);
    if amount.is_some_and(|amount| amount.minor == 0) {
        input.refuse("amount", "must be above zero");
    }
    let reference = input.needs_text("reference", 200);
    let account = input.text("account", 32).unwrap_or_else(|| BANK.to_owned());
    let account = Word::parse(&account);
    if account.is_none() {
        input.refuse("account", "must be 1 to 32 of a-z, 0-9, _ and -");
    }
    input.finish()?;
    let received = Received {
        advertiser: id,
        amount: given(amount)?,
        account: given(account)?,
        reference,
        by: call.caller.key.to_string(),
    };
    match call.api.desk.receive(call.caller.tenant, &received).await {
        Ok(row) => Ok(Answer::object("payment", view(&row))),
        Err(PayError::NotNow(why)) => Err(Problem::Conflict(FieldError::new("reference", why))),
        Err(error) => Err(error.into()),
    }
}
