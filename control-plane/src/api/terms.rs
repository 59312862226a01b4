//! Terms of offers, campaigns and enrolments, as they are given and shown.

use model::claim::Action;
use model::clock::Timestamp;
use model::money::Currency;
use rand::RngCore;
use serde_json::Value;
use serde_json::json;
use store::terms::Price;
use store::terms::TermRow;
use store::terms::TermScope;

use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;

/// Terms of one object at most.
const TERMS_MAX: usize = 50;

/// Actions of the contract that nothing in this version counts yet.
const LATER: &[&str] = &["click", "intent_click", "view", "deliverable"];

/// Fields of one term.
pub(crate) const FIELDS: &[Field] = &[
    text("action").required().note("purchase | signup | landing | add_to_cart | drop_off | custom"),
    text("type").required().note("percent | fixed"),
    integer("bp").note("percent: hundredths of a percent of the order's value"),
    field("amount", Kind::Money).note("fixed: in the advertiser's currency"),
];

model::words! {
    /// How a term is counted, as a word.
    pub enum PriceKind {
        /// Part of the order.
        Percent = "percent",
        /// An amount.
        Fixed = "fixed",
    }
}

/// One term as given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenTerm {
    action: Action,
    price: Price,
}

/// Reads `terms`; absent when it was not sent.
pub(crate) fn read(input: &mut Input, currency: Currency) -> Option<Vec<GivenTerm>> {
    let items = input.objects("terms", FIELDS, TERMS_MAX)?;
    let mut terms = Vec::new();
    for mut item in items {
        terms.extend(read_one(&mut item, currency));
        input.absorb(item);
    }
    Some(terms)
}

fn read_one(item: &mut Input, currency: Currency) -> Option<GivenTerm> {
    let word = item.needs_text("action", 40);
    let action = Action::parse(&word);
    if action.is_none() && !word.is_empty() {
        let detail = if LATER.contains(&word.as_str()) {
            "is not settled by this version"
        } else {
            "must be one of landing, add_to_cart, signup, purchase, drop_off, custom"
        };
        item.refuse("action", detail);
    }
    let is_stated = item.has("type");
    let kind = item.word("type", PriceKind::parse, PriceKind::ALL);
    if !is_stated {
        item.missing("type");
    }
    let bp = item.basis_points("bp");
    let amount = item.money("amount", currency);
    let price = match kind? {
        PriceKind::Percent => {
            if amount.is_some() {
                item.refuse("amount", "belongs to fixed terms");
            }
            if bp.is_none() && !item.is_refused("bp") {
                item.missing("bp");
            }
            Price::Percent(bp?)
        }
        PriceKind::Fixed => {
            if bp.is_some() {
                item.refuse("bp", "belongs to percent terms");
            }
            if amount.is_none() && !item.is_refused("amount") {
                item.missing("amount");
            }
            Price::Fixed(amount?)
        }
    };
    Some(GivenTerm { action: action?, price })
}

/// Rows of given terms, live from `now` on.
pub(crate) fn rows(
    terms: &[GivenTerm],
    (scope, scope_id): (TermScope, &str),
    now: Timestamp,
    rng: &mut (dyn RngCore + Send),
) -> Vec<TermRow> {
    let row = |(position, term): (i64, &GivenTerm)| TermRow {
        id: format!("trm_{}", model::id::KeyId::new(now, rng).body()),
        scope,
        scope_id: scope_id.to_owned(),
        position,
        action: term.action,
        price: term.price,
        valid_from: now,
        valid_to: None,
    };
    (0..).zip(terms).map(row).collect()
}

/// Terms as they are shown, in the form in which they are given.
pub(crate) fn view<'r>(rows: impl IntoIterator<Item = &'r TermRow>) -> Value {
    rows.into_iter()
        .map(|row| match row.price {
            Price::Percent(rate) => {
                json!({"action": row.action.as_str(), "type": "percent", "bp": rate.0})
            }
            Price::Fixed(money) => {
                json!({"action": row.action.as_str(), "type": "fixed", "amount": money.amount()})
            }
        })
        .collect()
}

/// Whether given terms are other than the live ones.
pub(crate) fn differ(given: &[GivenTerm], live: &[TermRow]) -> bool {
    given.len() != live.len()
        || given
            .iter()
            .zip(live)
            .any(|(given, row)| given.action != row.action || given.price != row.price)
}
