//! What a credited claim earns: terms, currency, charge, rates.

use ledger::flat_rates;
use model::id::ConversionId;
use model::money::BasisPoints;
use model::money::MoneyError;
use serde_json::Value as Json;
use serde_json::json;
use store::credit::Term;
use store::credit::TermScope;
use store::rollups::Usage;
use store::rollups::UsedBy;
use store::terms::TermAction;

use super::AttributionRule;
use super::Claim;
use super::Credit;
use super::Currency;
use super::End;
use super::Good;
use super::Money;
use super::Outcome;
use super::Reason;
use super::Screening;
use super::Sight;
use super::Told;
use crate::pipeline::caps;
use crate::pipeline::caps::Cap;
use crate::pipeline::caps::Measure;
use crate::pipeline::caps::Period;
use crate::pipeline::parcel::OpenPricing;
use crate::pipeline::price;
use crate::pipeline::price::Order;
use crate::pipeline::price::Standing;
use crate::pipeline::price::Volume;

/// Order value and stated charge, where they came.
pub(super) struct Amounts {
    order: Option<Money>,
    charge: Option<Money>,
}

/// Reads the amounts of a claim in a currency.
pub(super) fn amounts(claim: &Claim, currency: Currency) -> Result<Amounts, End> {
    let read = |text: &Option<String>| match text {
        Some(text) => Money::parse(text, currency).map(Some).map_err(|error| {
            let end = End::new(Outcome::Malformed, Reason::BadAmount);
            end.explained(format!("{error} ({currency})"))
        }),
        None => Ok(None),
    };
    Ok(Amounts { order: read(&claim.amount)?, charge: read(&claim.charge)? })
}

/// Everything a new conversion needs, without its explanation; `None` where the action earns
/// nothing.
pub(super) fn credit(
    sight: &Sight<'_>,
    claim: &Claim,
    (good, rule): (&Good, AttributionRule),
) -> Result<Option<Credit>, End> {
    let currency = claim.currency.or_else(|| sight.objects.currency(good.advertiser));
    let Some(currency) = currency else {
        return Err(End::new(Outcome::Unmatched, Reason::CurrencyMissing));
    };
    let amounts = amounts(claim, currency)?;
    let enrolment = sight.objects.enrolment(good.campaign, good.publisher);
    let terms = live_terms(sight, claim, good);
    let order = order_of(sight, claim, (good, amounts.order, currency));
    let fits = |error: MoneyError| {
        End::new(Outcome::Malformed, Reason::BadAmount).explained(error.to_string())
    };
    // New or not and the month's volume are settled under the lock; until then: as for a new one.
    let standing = Standing { is_new_customer: claim.customer_ref.is_some() };
    let priced = price::price(&terms, &order, standing, |_| Volume::default()).map_err(fits)?;
    let is_open = price::is_open(&terms) && amounts.charge.is_none();
    let (charge, term_json) = match (amounts.charge, priced) {
        (Some(stated), priced) => (stated, stated_json(priced.as_ref().map(|priced| &priced.term))),
        (None, Some(priced)) => (priced.charge, priced.term),
        (None, None) if is_open => (Money::zero(currency), Json::Null),
        (None, None) => return Ok(None),
    };
    let pricing = is_open.then(|| open_pricing(sight, good, (terms, order)));
    let campaign = sight.objects.campaign(good.campaign);
    let click_id = good.click.map(|click| click.id.to_string());
    let has_user = good.click.is_some_and(|click| click.facts.flags.has_user);
    let shopper = click_id.as_ref().filter(|_| has_user).and_then(|id| sight.objects.shopper(id));
    let share = campaign.map_or(BasisPoints::ZERO, |campaign| campaign.share);
    let hold_days = sight.objects.offer(good.offer).map_or(0, |offer| offer.hold_days);
    Ok(Some(Credit {
        conversion: ConversionId(0),
        advertiser: good.advertiser,
        is_network: sight.integration.advertiser.is_none(),
        campaign: good.campaign,
        offer: good.offer,
        publisher: good.publisher,
        enrolment,
        link: good.link,
        coupon: good.coupon,
        shopper,
        click_id,
        rule,
        order_amount: amounts.order,
        order_currency: currency,
        stated_charge: amounts.charge,
        charge,
        fee: campaign.map_or(BasisPoints::ZERO, |campaign| campaign.fee),
        share: if shopper.is_some() { share } else { BasisPoints::ZERO },
        taxes: flat_rates(sight.objects.regime(good.publisher), sight.objects.day(good.at)),
        term: term_json,
        pricing,
        caps: caps_of(sight, good, currency),
        hold_days,
        claimed_at: good.at,
        clicked_at: good.click.map(|click| click.facts.clicked_at),
        is_filtered: good.click.is_some_and(|click| click.facts.flags.filtered),
        explanation: Json::Null,
        screening: Screening::open(),
    }))
}

/// The terms that were live at the claim: the enrolment's, the campaign's, the offer's.
fn live_terms(sight: &Sight<'_>, claim: &Claim, good: &Good) -> Vec<Term> {
    let action = Told::action_word(claim);
    let is_ours = TermAction::parse(&action).is_some_and(TermAction::is_own);
    if is_ours && !sight.is_own {
        // Nobody outside says what we have seen ourselves.
        return Vec::new();
    }
    let enrolment = sight.objects.enrolment(good.campaign, good.publisher);
    let scopes = [
        enrolment.map(|id| id.to_string()),
        Some(good.campaign.to_string()),
        Some(good.offer.to_string()),
    ];
    let mut found = Vec::new();
    for scope in scopes.into_iter().flatten() {
        let own = || sight.objects.terms(&scope).iter().filter(|term| term.action == action);
        let live = || own().filter(|term| term.is_live(good.at));
        if live().next().is_some() {
            found.extend(live().cloned());
            continue;
        }
        // A claim dated before there were any terms takes the first there were.
        let Some(first) = own().map(|term| term.valid_from).min() else { continue };
        if good.at < first {
            found.extend(own().filter(|term| term.valid_from == first).cloned());
        }
    }
    found
}

fn order_of(
    sight: &Sight<'_>,
    claim: &Claim,
    (good, amount, currency): (&Good, Option<Money>, Currency),
) -> Order {
    let offer = sight.objects.offer(good.offer);
    Order {
        amount,
        currency,
        items: claim.items.clone(),
        country: sight.country.map(str::to_owned),
        category: offer.and_then(|offer| offer.category.clone()),
        sku: offer.and_then(|offer| offer.sku.clone()),
    }
}

/// What tiers are summed from: the publisher's month with the object of their term.
fn open_pricing(
    sight: &Sight<'_>,
    good: &Good,
    (terms, order): (Vec<Term>, Order),
) -> Box<OpenPricing> {
    let (from, to) = sight.objects.span(Period::Month, good.at);
    let usage = |term: &Term| Usage {
        by: match term.scope {
            TermScope::Offer => UsedBy::Offer(good.offer),
            TermScope::Campaign | TermScope::Enrolment => UsedBy::Campaign(good.campaign),
        },
        publisher: Some(good.publisher),
        currency: order.currency,
        from,
        to,
    };
    let tiered = terms.iter().filter(|term| !term.body.tiers.is_empty());
    let volumes = tiered.map(|term| (term.scope_id.clone(), usage(term))).collect();
    Box::new(OpenPricing { terms, order, volumes })
}

/// Every cap and budget that the conversion counts for.
fn caps_of(sight: &Sight<'_>, good: &Good, currency: Currency) -> Vec<Cap> {
    // Limits are stated in the advertiser's currency.
    let currency = sight.objects.currency(good.advertiser).unwrap_or(currency);
    let span = |period| sight.objects.span(period, good.at);
    let mut caps = Vec::new();
    if let Some(offer) = sight.objects.offer(good.offer) {
        caps.extend(caps::of_json(&offer.caps, (UsedBy::Offer(offer.id), currency), span));
    }
    let budget = sight.objects.campaign(good.campaign).and_then(|campaign| campaign.budget_minor);
    if let Some(limit) = budget {
        let (from, to) = span(Period::Total);
        let by = UsedBy::Campaign(good.campaign);
        let usage = Usage { by, publisher: None, currency, from, to };
        caps.push(Cap { usage, measure: Measure::Charge, period: Period::Total, limit });
    }
    let link = good.click.and_then(|click| sight.objects.link(click.facts.link));
    if let Some(link) = link.filter(|link| good.link == Some(link.id)) {
        caps.extend(caps::of_json(&link.caps, (UsedBy::Link(link.id), currency), span));
    }
    caps
}

/// The outside states what it owes; the terms it overrides are recorded beside it.
fn stated_json(term: Option<&Json>) -> Json {
    json!({ "type": "stated", "overrides": term })
}
