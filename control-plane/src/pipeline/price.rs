//! What an order earns by the terms that were live for it: pure, from values to values.
//!
//! Terms of the enrolment come first, then the campaign's, then the offer's; inside one object the
//! first in its list whose conditions hold counts. Every term that was looked at is kept in the
//! explanation with why it did not count.
//!
//! # Why orders are priced line by line
//!
//! Conditions on category or article speak of order lines, and an order may hold several. Each line
//! finds its own term; the order's value is parted over the lines by largest remainder, so that the
//! parts sum to it, also when only a part of it remains later.

use model::claim::Item;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use model::money::MoneyError;
use model::money::largest_remainder;
use serde_json::Value as Json;
use serde_json::json;
use store::credit::Term;
use store::terms::Conditions;
use store::terms::Price;
use store::terms::Tier;

/// What the claim and its click say that terms may ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// Value of the order, where it was told.
    pub(crate) amount: Option<Money>,
    /// Of a charge without an amount.
    pub(crate) currency: Currency,
    pub(crate) items: Vec<Item>,
    pub(crate) country: Option<String>,
    /// The offer's own.
    pub(crate) category: Option<String>,
    pub(crate) sku: Option<String>,
}

/// What is only known for sure under the lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The customer has no earlier order with the advertiser. A claim without a customer is not
    /// known to be a new one's.
    pub(crate) is_new_customer: bool,
}

/// How far a publisher has come this month with an object, before this conversion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) orders_minor: i64,
    pub(crate) conversions: i64,
}

/// What an order earns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Priced {
    pub(crate) charge: Money,
    /// The term that counted, as it is stored with the conversion.
    pub(crate) term: Json,
}

/// Whether anything in the terms hangs on what only the lock knows.
pub(crate) fn is_open(terms: &[Term]) -> bool {
    let asks =
        |term: &Term| !term.body.tiers.is_empty() || term.body.conditions.new_customer.is_some();
    terms.iter().any(asks)
}

/// Prices an order by terms in the order of their precedence. `None`: none of them counts for it.
///
/// # Errors
/// [`MoneyError`] for a charge that does not fit.
pub(crate) fn price(
    terms: &[Term],
    order: &Order,
    standing: Standing,
    volume: impl Fn(&Term) -> Volume,
) -> Result<Option<Priced>, MoneyError> {
    let lines = lines_of(order, terms);
    let mut groups: Vec<(i64, Option<usize>)> = Vec::new();
    let mut considered = Vec::new();
    for (weight, line) in &lines {
        let found = first_fit(terms, (order, line), standing, &mut considered);
        match groups.iter_mut().find(|(_, of)| *of == found) {
            Some((sum, _)) => *sum = sum.saturating_add(*weight),
            None => groups.push((*weight, found)),
        }
    }
    if groups.iter().all(|(_, of)| of.is_none()) {
        return Ok(None);
    }
    let shown = |index: usize| term_json(&terms[index], volume(&terms[index]));
    let mut term = match groups.as_slice() {
        [(_, Some(only))] => shown(*only),
        groups => {
            let part = |(weight, of): &(i64, Option<usize>)| {
                let term = of.map(shown);
                json!({ "weight": weight, "term": term })
            };
            json!({ "type": "lines", "parts": groups.iter().map(part).collect::<Vec<_>>() })
        }
    };
    let charge = charge_of(&term, order.amount, order.currency)?;
    considered.dedup();
    term["precedence"] = json!(["enrolment", "campaign", "offer"]);
    term["considered"] = Json::Array(considered);
    Ok(Some(Priced { charge, term }))
}

/// What a stored term makes of an order's value. A percentage of an amount that has not been told
/// is nothing yet; a later news that brings it makes it earn. `current` is the charge's currency.
///
/// # Errors
/// [`MoneyError`] for a charge that does not fit.
pub(crate) fn charge_of(
    term: &Json,
    amount: Option<Money>,
    currency: Currency,
) -> Result<Money, MoneyError> {
    match term["type"].as_str() {
        Some("percent") => {
            let rate = term["bp"].as_u64().and_then(|bp| u32::try_from(bp).ok());
            let nothing = Money::zero(currency);
            rate.zip(amount).map_or(Ok(nothing), |(rate, amount)| amount.at_rate(BasisPoints(rate)))
        }
        Some("fixed") => {
            let text = term["amount"].as_str().unwrap_or_default();
            let stated = term["currency"].as_str().map_or(Ok(currency), Currency::parse)?;
            Money::parse(text, stated)
        }
        Some("lines") => charge_of_lines(&term["parts"], amount, currency),
        _ => Ok(Money::zero(currency)),
    }
}

fn charge_of_lines(
    parts: &Json,
    amount: Option<Money>,
    currency: Currency,
) -> Result<Money, MoneyError> {
    let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
    let weights: Vec<i64> = parts.iter().map(|part| part["weight"].as_i64().unwrap_or(0)).collect();
    let shares = match amount {
        Some(amount) if !weights.is_empty() => {
            let shares = largest_remainder(amount.minor, &weights)?;
            shares.into_iter().map(|minor| Some(Money::new(minor, amount.currency))).collect()
        }
        _ => vec![None; parts.len()],
    };
    let mut charge = Money::zero(currency);
    for (part, share) in parts.iter().zip(shares) {
        if !part["term"].is_null() {
            charge = charge.checked_add(charge_of(&part["term"], share, currency)?)?;
        }
    }
    Ok(charge)
}

/// One line as conditions see it.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    category: Option<&'a str>,
    sku: Option<&'a str>,
}

/// The lines of an order with their weights; one line where nothing asks for lines or none came.
fn lines_of<'a>(order: &'a Order, terms: &[Term]) -> Vec<(i64, Line<'a>)> {
    let whole = Line { category: order.category.as_deref(), sku: order.sku.as_deref() };
    let asks = terms.iter().any(|term| term.body.conditions.are_of_lines());
    if !asks || order.items.is_empty() {
        return vec![(1, whole)];
    }
    let has_amounts = order.items.iter().all(|item| item.unit_amount.is_some());
    let weight = |item: &Item| {
        let quantity = i64::from(item.quantity);
        let unit = item.unit_amount.as_deref().filter(|_| has_amounts);
        let unit = unit.map_or(Some(1), |text| Money::parse(text, order.currency).ok().map(minor));
        unit.and_then(|unit| unit.checked_mul(quantity)).unwrap_or(0)
    };
    let line = |item: &'a Item| {
        let category = item.category.as_deref().or(whole.category);
        (weight(item), Line { category, sku: Some(&item.sku) })
    };
    order.items.iter().map(line).collect()
}

const fn minor(money: Money) -> i64 {
    money.minor
}

fn first_fit(
    terms: &[Term],
    (order, line): (&Order, &Line<'_>),
    standing: Standing,
    considered: &mut Vec<Json>,
) -> Option<usize> {
    for (index, term) in terms.iter().enumerate() {
        let conditions = &term.body.conditions;
        let why_not = why_not(conditions, (order, line), standing);
        let seen = json!({ "id": term.id, "scope": term.scope.as_str(), "why_not": why_not });
        if !considered.contains(&seen) {
            considered.push(seen);
        }
        if why_not.is_none() {
            return Some(index);
        }
    }
    None
}

fn why_not(
    conditions: &Conditions,
    (order, line): (&Order, &Line<'_>),
    standing: Standing,
) -> Option<&'static str> {
    let is_off = |wanted: &[String], found: Option<&str>| {
        let is_it = |entry: &String| found.is_some_and(|found| entry.eq_ignore_ascii_case(found));
        !wanted.is_empty() && !wanted.iter().any(is_it)
    };
    if is_off(&conditions.countries, order.country.as_deref()) {
        Some("other_country")
    } else if is_off(&conditions.categories, line.category) {
        Some("other_category")
    } else if is_off(&conditions.skus, line.sku) {
        Some("other_sku")
    } else {
        let wanted = conditions.new_customer?;
        (wanted != standing.is_new_customer).then_some(if wanted {
            "not_a_new_customer"
        } else {
            "a_new_customer"
        })
    }
}

/// The highest tier that the volume has reached.
fn tier_of(term: &Term, volume: Volume) -> Option<&Tier> {
    let reached = match term.price {
        Price::Percent(_) => volume.orders_minor,
        Price::Fixed(_) => volume.conversions,
    };
    term.body.tiers.iter().rev().find(|tier| tier.from <= reached)
}

fn term_json(term: &Term, volume: Volume) -> Json {
    let Term { id, scope, action, price, body, .. } = term;
    let tier = tier_of(term, volume);
    let mut shown = match tier.map_or(*price, |tier| tier.price) {
        Price::Percent(rate) => json!({
            "id": id, "scope": scope.as_str(), "action": action, "type": "percent", "bp": rate.0,
        }),
        Price::Fixed(amount) => json!({
            "id": id, "scope": scope.as_str(), "action": action, "type": "fixed",
            "amount": amount.amount(), "currency": amount.currency.code(),
        }),
    };
    if !body.tiers.is_empty() {
        let reached = match price {
            Price::Percent(_) => volume.orders_minor,
            Price::Fixed(_) => volume.conversions,
        };
        shown["tier"] = json!({ "from": tier.map(|tier| tier.from), "volume": reached });
    }
    if body.conditions != Conditions::default() {
        shown["conditions"] = json!(body.conditions);
    }
    shown
}

#[cfg(test)]
mod tests;
