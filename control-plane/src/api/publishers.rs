//! Publishers: who sends traffic and earns.

use ledger::TaxRegime;
use model::id::PublisherId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::listing::Reach;
use store::publishers::PublisherRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::time::instant;
use crate::iin;

mod archive;
mod balance;
mod change;
mod create;
mod get;
mod list;

/// Word of `publisher_id`.
const KIND: &str = "publisher";

/// What publishers are paid in when nobody says.
const CURRENCY: Currency = Currency::KZT;
/// Tags of one publisher at most.
const TAGS_MAX: usize = 50;

const PAYOUT: &[Field] =
    &[text("rail").note("file, manual, or a rail plugin"), text("destination")];

const FIELDS: &[Field] = &[
    text("name").required(),
    text("code").note("what /click?ref= carries; default generated; cannot be changed"),
    text("currency").note("default KZT; cannot be changed"),
    text("phone").note("+77010000000"),
    text("email"),
    text("iin").note("12 digits"),
    text("tax_regime")
        .note("self_employed | simplified | gph_person | illustrative_10 | none | undeclared"),
    texts("tags"),
    field("payout", Kind::Object(PAYOUT)),
];

const PATCHABLE: &[Field] = &[
    text("name"),
    text("phone"),
    text("email"),
    text("iin"),
    text("tax_regime"),
    texts("tags"),
    field("payout", Kind::Object(PAYOUT)),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    change::ENDPOINT,
    archive::ENDPOINT,
    balance::ENDPOINT,
];

/// Reads every field but the code into `row`.
fn read(input: &mut Input, row: &mut PublisherRow) {
    row.name = input.needs_text("name", 200);
    row.currency = CURRENCY;
    if let Some(code) = input.text("currency", 3) {
        match Currency::parse(&code) {
            Ok(currency) => row.currency = currency,
            Err(error) => input.refuse("currency", error.to_string()),
        }
    }
    (row.phone, row.email) = read_contacts(input);
    row.iin = input.text("iin", 12);
    if row.iin.as_deref().is_some_and(|number| !iin::is_valid(number)) {
        input.refuse("iin", "must be 12 digits, the last of which checks the others");
    }
    row.tax_regime =
        input.word("tax_regime", TaxRegime::parse, TaxRegime::ALL).unwrap_or(TaxRegime::Undeclared);
    row.tags = input.texts("tags", TAGS_MAX, 64).unwrap_or_default();
    row.payout = json!({});
    if let Some(mut payout) = input.object("payout", PAYOUT) {
        if let Some(rail) = payout.text("rail", 32) {
            row.payout["rail"] = Value::from(rail);
        }
        if let Some(destination) = payout.text("destination", 200) {
            row.payout["destination"] = Value::from(destination);
        }
        input.absorb(payout);
    }
}

/// Reads `phone` and `email`.
pub(crate) fn read_contacts(input: &mut Input) -> (Option<String>, Option<String>) {
    let phone = input.text("phone", 20);
    if phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
        input.refuse("phone", "must be a number such as +77010000000");
    }
    let email = input.text("email", 254);
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        input.refuse("email", "must be an address such as name@shop.example");
    }
    (phone, email)
}

fn is_phone(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

fn is_email(email: &str) -> bool {
    let is_odd = |letter: char| letter.is_whitespace() || letter.is_control();
    email.rsplit_once('@').is_some_and(|(person, host)| {
        !person.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    }) && !email.chars().any(is_odd)
}

fn view(row: &PublisherRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "code": row.code,
        "currency": row.currency.code(),
        "phone": row.phone,
        "email": row.email,
        "iin": row.iin,
        "tax_regime": row.tax_regime.as_str(),
        "tags": row.tags,
        "payout": row.payout,
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The publisher that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<PublisherRow, Problem> {
    let id: PublisherId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.publishers().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// A live publisher that a body names; an error of that field otherwise.
pub(crate) async fn referred(
    call: &mut Call,
    input: &mut Input,
    name: &str,
) -> Result<Option<PublisherRow>, Problem> {
    let Some(id) = input.id::<PublisherId>(name) else { return Ok(None) };
    let reach = call.reach();
    let row = call.tx.publishers().get(id, reach).await?;
    let row = row.filter(|row| row.archived_at.is_none());
    if row.is_none() {
        input.refuse(name, "there is no such publisher");
    }
    Ok(row)
}

/// The caller's own publisher.
pub(crate) async fn own(call: &mut Call) -> Result<Option<PublisherRow>, Problem> {
    let Some(id) = call.caller.publisher else { return Ok(None) };
    Ok(call.tx.publishers().get(id, Reach::Publisher(id)).await?)
}
