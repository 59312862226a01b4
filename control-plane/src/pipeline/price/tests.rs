//! Terms by example.

use model::clock::Timestamp;
use store::credit::TermScope;
use store::terms::Body;

use super::*;

const KZT: Currency = Currency::KZT;

fn term(id: &str, scope: TermScope, price: Price, body: Body) -> Term {
    Term {
        id: id.to_owned(),
        scope,
        scope_id: String::new(),
        action: "purchase".to_owned(),
        price,
        body,
        valid_from: Timestamp(0),
        valid_to: None,
    }
}

fn percent(id: &str, scope: TermScope, bp: u32) -> Term {
    term(id, scope, Price::Percent(BasisPoints(bp)), Body::default())
}

fn asking(mut term: Term, conditions: Conditions) -> Term {
    term.body.conditions = conditions;
    term
}

fn order(minor: i64) -> Order {
    Order {
        amount: Some(Money::new(minor, KZT)),
        currency: KZT,
        items: Vec::new(),
        country: None,
        category: Some("phones".to_owned()),
        sku: None,
    }
}

fn item(sku: &str, quantity: u32, unit: &str, category: &str) -> Item {
    Item {
        sku: sku.to_owned(),
        quantity,
        unit_amount: Some(unit.to_owned()),
        category: Some(category.to_owned()),
    }
}

fn priced(terms: &[Term], order: &Order, volume: Volume) -> Option<Priced> {
    price(terms, order, Standing::default(), |_| volume).expect("it fits")
}

#[test]
fn the_most_specific_term_that_holds_counts_and_the_others_say_why_not() {
    let phones = Conditions { categories: vec!["TV".to_owned()], ..Conditions::default() };
    let terms = [
        asking(percent("e", TermScope::Enrolment, 2_000), phones),
        percent("c", TermScope::Campaign, 1_500),
        percent("o", TermScope::Offer, 1_000),
    ];
    let priced = priced(&terms, &order(10_000), Volume::default()).expect("a term");
    assert_eq!(priced.charge, Money::new(1_500, KZT));
    assert_eq!(priced.term["id"], "c");
    assert_eq!(priced.term["considered"][0]["why_not"], "other_category");
    assert_eq!(priced.term["considered"][1]["why_not"], Json::Null);
    assert_eq!(priced.term["considered"][2], Json::Null);
}

#[test]
fn a_tier_is_reached_by_what_was_sold_before() {
    let body = Body {
        tiers: vec![
            Tier { from: 50_000, price: Price::Percent(BasisPoints(1_500)) },
            Tier { from: 100_000, price: Price::Percent(BasisPoints(2_000)) },
        ],
        ..Body::default()
    };
    let terms = [term("t", TermScope::Offer, Price::Percent(BasisPoints(1_000)), body)];
    assert!(is_open(&terms));
    for (orders_minor, charge) in
        [(0, 1_000), (49_999, 1_000), (50_000, 1_500), (99_999, 1_500), (100_000, 2_000)]
    {
        let volume = Volume { orders_minor, conversions: 0 };
        let priced = priced(&terms, &order(10_000), volume).expect("a term");
        assert_eq!(priced.charge.minor, charge, "after {orders_minor}");
        assert_eq!(priced.term["tier"]["volume"], orders_minor);
    }
}

#[test]
fn lines_earn_by_their_own_terms_and_sum_to_the_order() {
    let tv = Conditions { categories: vec!["tv".to_owned()], ..Conditions::default() };
    let terms = [
        asking(percent("tv", TermScope::Offer, 1_000), tv),
        percent("rest", TermScope::Offer, 500),
    ];
    let mut order = order(30_000);
    order.items = vec![item("a", 1, "100.00", "tv"), item("b", 2, "100.00", "phones")];
    let whole = priced(&terms, &order, Volume::default()).expect("terms");
    assert_eq!(whole.charge.minor, 1_000 + 1_000);
    // A third of it remains: every line keeps its part.
    let remains = charge_of(&whole.term, Some(Money::new(10_001, KZT)), KZT).expect("it fits");
    assert_eq!(remains.minor, 333 + 333);
    assert_eq!(charge_of(&whole.term, None, KZT), Ok(Money::zero(KZT)));
}

#[test]
fn a_line_without_a_term_earns_nothing_and_an_order_without_any_has_no_price() {
    let tv = Conditions { categories: vec!["tv".to_owned()], ..Conditions::default() };
    let terms = [asking(percent("tv", TermScope::Offer, 1_000), tv)];
    let mut order = order(20_000);
    assert_eq!(priced(&terms, &order, Volume::default()), None);
    order.items = vec![item("a", 1, "100.00", "tv"), item("b", 1, "100.00", "phones")];
    let priced = priced(&terms, &order, Volume::default()).expect("a term");
    assert_eq!(priced.charge.minor, 1_000);
}

#[test]
fn who_is_not_known_to_be_new_is_not_new() {
    let new = Conditions { new_customer: Some(true), ..Conditions::default() };
    let terms = [
        asking(percent("new", TermScope::Offer, 2_000), new),
        percent("all", TermScope::Offer, 1_000),
    ];
    for (is_new_customer, charge) in [(true, 2_000), (false, 1_000)] {
        let standing = Standing { is_new_customer };
        let priced = price(&terms, &order(10_000), standing, |_| Volume::default());
        assert_eq!(priced.expect("it fits").expect("a term").charge.minor, charge);
    }
}

#[test]
fn a_fixed_price_does_not_hang_on_the_amount() {
    let price = Price::Fixed(Money::new(500, KZT));
    let terms = [term("f", TermScope::Offer, price, Body::default())];
    let mut order = order(10_000);
    order.amount = None;
    let priced = priced(&terms, &order, Volume::default()).expect("a term");
    assert_eq!(priced.charge.minor, 500);
    assert_eq!(charge_of(&priced.term, Some(Money::new(1, KZT)), KZT).expect("it fits").minor, 500);
}
