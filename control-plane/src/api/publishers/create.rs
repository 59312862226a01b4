//! `POST /v1/publishers`.

use ledger::TaxRegime;
use model::id::PublisherId;
use serde_json::json;
use store::publishers::PublisherRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::codes;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::publishers::CURRENCY;
use crate::api::publishers::FIELDS;
use crate::api::publishers::KIND;
use crate::api::publishers::read;
use crate::api::publishers::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/publishers", run!(create)).says("Make a publisher").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let mut row = empty(call);
    if let Some(code) = input.text("code", 64) {
        row.code = code.to_ascii_lowercase();
        if !model::link::is_slug(&row.code) {
            input.refuse("code", "must be 2 to 64 of a-z, 0-9, _ and -");
        }
    }
    read(&mut input, &mut row);
    input.finish()?;
    call.tx.publishers().insert(&row).await?;
    Ok(Answer::object(KIND, view(&row)))
}

/// A publisher of whom nothing is known yet.
fn empty(call: &mut Call) -> PublisherRow {
    PublisherRow {
        id: PublisherId::new(call.now, &mut call.rng),
        name: String::new(),
        code: codes::draw(codes::PLAIN, codes::SLUG_CHARS, &mut call.rng),
        currency: CURRENCY,
        phone: None,
        email: None,
        iin: None,
        tax_regime: TaxRegime::Undeclared,
        tags: Vec::new(),
        payout: json!({}),
        created_at: call.now,
        archived_at: None,
    }
}
