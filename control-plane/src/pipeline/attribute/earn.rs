//! What a credited claim earns: terms, currency, charge, rates.

use ledger::flat_rates;
use model::id::ConversionId;
use model::money::BasisPoints;
use serde_json::Value as Json;
use serde_json::json;
use store::credit::Rate;
use store::credit::Term;

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
    let term = live_term(sight, claim, good);
    let (charge, term_json) = match (amounts.charge, term) {
        (Some(stated), term) => (stated, stated_json(term)),
        (None, Some(term)) => (charge_of(term, amounts.order, currency)?, term_json(term)),
        (None, None) => return Ok(None),
    };
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
        hold_days,
        claimed_at: good.at,
        clicked_at: good.click.map(|click| click.facts.clicked_at),
        is_filtered: good.click.is_some_and(|click| click.facts.flags.filtered),
        explanation: Json::Null,
        screening: Screening::open(),
    }))
}

/// The most specific terms that were live at the claim: the enrolment's, the campaign's, the
/// offer's.
fn live_term<'a>(sight: &Sight<'a>, claim: &Claim, good: &Good) -> Option<&'a Term> {
    let action = Told::action_word(claim);
    let enrolment = sight.objects.enrolment(good.campaign, good.publisher);
    let scopes = [
        enrolment.map(|id| id.to_string()),
        Some(good.campaign.to_string()),
        Some(good.offer.to_string()),
    ];
    scopes.into_iter().flatten().find_map(|scope| {
        let terms = sight.objects.terms(&scope);
        let own = || terms.iter().filter(|term| term.action == action);
        // A claim dated before there were any terms takes the first there were.
        own().find(|term| term.is_live(good.at)).or_else(|| {
            own().min_by_key(|term| term.valid_from).filter(|term| good.at < term.valid_from)
        })
    })
}

/// A percentage of an amount that has not been told is nothing yet; a later news that brings it
/// makes it earn.
fn charge_of(term: &Term, order: Option<Money>, currency: Currency) -> Result<Money, End> {
    match (term.rate, order) {
        (Rate::Percent(rate), Some(order)) => order.at_rate(rate).map_err(|error| {
            End::new(Outcome::Malformed, Reason::BadAmount).explained(error.to_string())
        }),
        (Rate::Percent(_), None) => Ok(Money::zero(currency)),
        (Rate::Fixed(amount), _) => Ok(amount),
    }
}

fn term_json(term: &Term) -> Json {
    let Term { id, scope, action, rate, .. } = term;
    match rate {
        Rate::Percent(rate) => json!({
            "id": id, "scope": scope.as_str(), "action": action, "type": "percent", "bp": rate.0,
        }),
        Rate::Fixed(amount) => json!({
            "id": id, "scope": scope.as_str(), "action": action, "type": "fixed",
            "amount": amount.amount(), "currency": amount.currency.code(),
        }),
    }
}

/// The outside states what it owes; the terms it overrides are recorded beside it.
fn stated_json(term: Option<&Term>) -> Json {
    json!({ "type": "stated", "overrides": term.map(term_json) })
}
