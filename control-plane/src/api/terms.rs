//! Terms of offers, campaigns and enrolments, as they are given and shown.

use model::clock::Timestamp;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use rand::RngCore;
use serde_json::Value;
use serde_json::json;
use store::terms::Body;
use store::terms::Conditions;
use store::terms::Price;
use store::terms::TermAction;
use store::terms::TermRow;
use store::terms::TermScope;
use store::terms::Tier;

use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::time::instant;

/// Terms of one object at most.
const TERMS_MAX: usize = 50;

/// Tiers of one term at most.
const TIERS_MAX: usize = 20;
/// Highest count of a tier.
const COUNT_MAX: i64 = 1_000_000_000_000;
/// Entries of one condition at most.
const ENTRIES_MAX: usize = 200;

const TIER: &[Field] = &[
    field("from", Kind::Money)
        .required()
        .note("percent: value of the month's orders before; fixed: how many conversions before"),
    integer("bp"),
    field("amount", Kind::Money),
];

const CONDITIONS: &[Field] = &[
    texts("country").note("ISO 3166 codes; click, intent_click and view only"),
    texts("category"),
    texts("sku"),
    field("new_customer", Kind::Flag).note("whether the customer has no earlier order"),
];

/// Fields of one term.
pub(crate) const FIELDS: &[Field] = &[
    text("action").note(
        "purchase | signup | landing | add_to_cart | drop_off | custom | click | intent_click | \
         view | deliverable",
    ),
    text("type")
        .required()
        .note("percent | fixed; click, intent_click, view, deliverable: fixed for that action"),
    integer("bp").note("percent: hundredths of a percent of the order's value"),
    field("amount", Kind::Money).note("fixed: in the advertiser's currency"),
    field("tiers", Kind::Objects(TIER)).note("other prices from some volume of the month on"),
    field("conditions", Kind::Object(CONDITIONS)).note("all must hold; of a list one entry"),
    field("valid_from", Kind::Instant).note("default: now; never in the past"),
    field("valid_to", Kind::Instant).note("exclusive; default: until replaced"),
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
#[derive(Debug, Clone)]
pub(crate) struct GivenTerm {
    action: TermAction,
    price: Price,
    body: Body,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
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
    let (action, kind) = read_kind(item);
    let bp = item.basis_points("bp");
    let amount = item.money("amount", currency);
    let kind = kind?;
    let price = read_price(item, kind, (bp, amount))?;
    let tiers = read_tiers(item, price);
    let conditions = read_conditions(item, action?);
    let valid_from = item.instant("valid_from");
    let valid_to = item.instant("valid_to");
    if let (Some(from), Some(to)) = (valid_from, valid_to)
        && to <= from
    {
        item.refuse("valid_to", "must be later than valid_from");
    }
    let body = Body { tiers, conditions, is_dated: valid_from.is_some() };
    Some(GivenTerm { action: action?, price, body, valid_from, valid_to })
}

/// What is paid for, and how it is counted. An action's own name as the type means a fixed amount.
fn read_kind(item: &mut Input) -> (Option<TermAction>, Option<PriceKind>) {
    let has_action = item.has("action");
    let word = item.text("action", 40);
    let mut action = word.as_deref().and_then(TermAction::parse);
    if word.is_some() && action.is_none() {
        let words: Vec<&str> = TermAction::ALL.iter().map(|action| action.as_str()).collect();
        item.refuse("action", format!("must be one of {}", words.join(", ")));
    }
    let kind = item.text("type", 40);
    let of_action = kind.as_deref().and_then(TermAction::parse).filter(|one| one.is_own());
    let kind = match (&kind, of_action) {
        (None, _) => {
            item.missing("type");
            None
        }
        (Some(_), Some(own)) => {
            if action.is_some_and(|action| action != own) {
                item.refuse("type", "names another action");
            }
            action = Some(own);
            Some(PriceKind::Fixed)
        }
        (Some(kind), None) => {
            let known = PriceKind::parse(kind);
            if known.is_none() {
                item.refuse("type", "must be one of percent, fixed");
            }
            known
        }
    };
    if !has_action && action.is_none() {
        item.missing("action");
    }
    if kind == Some(PriceKind::Percent) && action.is_some_and(TermAction::is_own) {
        item.refuse("type", "must be fixed: there is no order to take a part of");
    }
    (action, kind)
}

fn read_price(
    item: &mut Input,
    kind: PriceKind,
    (bp, amount): (Option<BasisPoints>, Option<Money>),
) -> Option<Price> {
    match kind {
        PriceKind::Percent => {
            if amount.is_some() {
                item.refuse("amount", "belongs to fixed terms");
            }
            if bp.is_none() && !item.is_refused("bp") {
                item.missing("bp");
            }
            Some(Price::Percent(bp?))
        }
        PriceKind::Fixed => {
            if bp.is_some() {
                item.refuse("bp", "belongs to percent terms");
            }
            if amount.is_none() && !item.is_refused("amount") {
                item.missing("amount");
            }
            Some(Price::Fixed(amount?))
        }
    }
}

fn read_tiers(item: &mut Input, price: Price) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for mut given in item.objects("tiers", TIER, TIERS_MAX).unwrap_or_default() {
        let tier = read_tier(&mut given, price);
        let is_rising =
            tier.is_none_or(|tier| tiers.last().is_none_or(|last| last.from < tier.from));
        if !is_rising {
            given.refuse("from", "must be above the tier before");
        }
        tiers.extend(tier);
        item.absorb(given);
    }
    tiers
}

fn read_tier(given: &mut Input, price: Price) -> Option<Tier> {
    if !given.has("from") {
        given.missing("from");
    }
    let (kind, from) = match price {
        Price::Percent(_) => {
            (PriceKind::Percent, given.money("from", currency_of(price)).map(|money| money.minor))
        }
        Price::Fixed(_) => (PriceKind::Fixed, given.integer("from", 0..=COUNT_MAX)),
    };
    let bp = given.basis_points("bp");
    let amount = given.money("amount", currency_of(price));
    let price = read_price(given, kind, (bp, amount))?;
    Some(Tier { from: from?, price })
}

/// A percentage is counted in whatever currency its orders have; two digits fit all that matter.
const fn currency_of(price: Price) -> Currency {
    match price {
        Price::Fixed(money) => money.currency,
        Price::Percent(_) => Currency::KZT,
    }
}

fn read_conditions(item: &mut Input, action: TermAction) -> Conditions {
    let Some(mut given) = item.object("conditions", CONDITIONS) else {
        return Conditions::default();
    };
    let countries = given.texts("country", ENTRIES_MAX, 2).unwrap_or_default();
    if !countries.is_empty() && !action.is_of_click() {
        given.refuse("country", "is only known of clicks and views");
    }
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic());
    if !countries.iter().all(is_code) {
        given.refuse("country", "must be codes of two letters");
    }
    let conditions = Conditions {
        countries: countries.iter().map(|code| code.to_uppercase()).collect(),
        categories: given.texts("category", ENTRIES_MAX, 100).unwrap_or_default(),
        skus: given.texts("sku", ENTRIES_MAX, 100).unwrap_or_default(),
        new_customer: given.flag("new_customer"),
    };
    if conditions.new_customer.is_some() && action.is_own() {
        given.refuse("new_customer", "is only known of orders");
    }
    item.absorb(given);
    conditions
}

/// Rows of given terms, live from `now` on, or later where they say so.
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
        body: term.body.clone(),
        // A past conversion never changes by a new rate.
        valid_from: term.valid_from.map_or(now, |from| from.max(now)),
        valid_to: term.valid_to,
    };
    (0..).zip(terms).map(row).collect()
}

/// Terms as they are shown, in the form in which they are given.
pub(crate) fn view<'r>(rows: impl IntoIterator<Item = &'r TermRow>) -> Value {
    rows.into_iter().map(view_one).collect()
}

fn view_one(row: &TermRow) -> Value {
    let priced = |mut fields: Value, price: Price| {
        match price {
            Price::Percent(rate) => fields["bp"] = json!(rate.0),
            Price::Fixed(money) => fields["amount"] = json!(money.amount()),
        }
        fields
    };
    let kind = match row.price {
        Price::Percent(_) => PriceKind::Percent,
        Price::Fixed(_) => PriceKind::Fixed,
    };
    let begin = json!({"action": row.action.as_str(), "type": kind.as_str()});
    let mut fields = priced(begin, row.price);
    if !row.body.tiers.is_empty() {
        let tier = |tier: &Tier| {
            let from = match tier.price {
                Price::Percent(_) => json!(Money::new(tier.from, Currency::KZT).amount()),
                Price::Fixed(_) => json!(tier.from),
            };
            priced(json!({ "from": from }), tier.price)
        };
        fields["tiers"] = row.body.tiers.iter().map(tier).collect();
    }
    let Conditions { countries, categories, skus, new_customer } = &row.body.conditions;
    let lists = [("country", countries), ("category", categories), ("sku", skus)];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        fields["conditions"][name] = json!(list);
    }
    if let Some(new_customer) = new_customer {
        fields["conditions"]["new_customer"] = json!(new_customer);
    }
    if row.body.is_dated {
        fields["valid_from"] = json!(instant(row.valid_from));
    }
    if row.valid_to.is_some() {
        fields["valid_to"] = json!(instant(row.valid_to));
    }
    fields
}

/// Whether given terms are other than those that stand.
pub(crate) fn differ(given: &[GivenTerm], standing: &[TermRow]) -> bool {
    let is_same = |(given, row): (&GivenTerm, &TermRow)| {
        given.action == row.action
            && given.price == row.price
            && given.body == row.body
            && given.valid_from.is_none_or(|from| from == row.valid_from)
            && given.valid_to == row.valid_to
    };
    given.len() != standing.len() || !given.iter().zip(standing).all(is_same)
}
