//! Who earns by a claim, and why: pure, from values to values.
//!
//! The order of keys: personal coupon, click id, ref code, then what is dug out of the landing URL
//! and the referrer. A generic coupon never decides. Every key that came is recorded with why it
//! did not win, so that a publisher who asks gets an answer.

use model::claim::Action;
use model::claim::Claim;
use model::claim::ClaimStatus;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use model::conversion::AttributionModel;
use model::conversion::AttributionRule;
use model::conversion::CouponPrecedence;
use model::id::EventId;
use model::money::Currency;
use model::money::Money;
use model::outcome::Outcome;
use model::outcome::Reason;
use store::credit::CreditIntegration;
use store::touches::Touch;

use super::objects::TenantObjects;
use super::parcel::Credit;
use super::parcel::End;
use super::parcel::Finding;
use super::parcel::Screening;
use super::parcel::StepCredit;
use super::parcel::Told;

mod candidates;
mod earn;
mod explain;
mod keys;
#[cfg(test)]
mod tests;

use candidates::Candidate;
pub(crate) use candidates::Good;
pub(crate) use keys::Keys;
pub(crate) use keys::cut_url;

/// Everything attribution may look at beside the claim.
pub(crate) struct Sight<'a> {
    pub(crate) objects: &'a TenantObjects,
    pub(crate) ring: &'a KeyRing,
    pub(crate) integration: &'a CreditIntegration,
    /// Of the claim's customer, at any advertiser, earliest first; with those of earlier claims of
    /// the same batch.
    pub(crate) touches: &'a [Touch],
    pub(crate) event: EventId,
    pub(crate) received_at: Timestamp,
    /// The claim is our own record, or a person's: it may be of what nobody outside can tell.
    pub(crate) is_own: bool,
    /// Of the click, where it stands in the claim's own record.
    pub(crate) country: Option<&'a str>,
}

/// What attribution says of a claim, and the ties of its customer to clicks that it brought.
pub(crate) struct Attributed {
    pub(crate) finding: Finding,
    pub(crate) touches: Vec<Touch>,
}

/// The reason when there is nothing to attribute by.
pub(crate) fn nothing_reason(integration: &CreditIntegration) -> Reason {
    if integration.adapter == "trackier" { Reason::NoClickId } else { Reason::NoAttributionKey }
}

/// Finds who earns by a claim.
pub(crate) fn attribute(sight: &Sight<'_>, claim: &Claim, keys: &Keys) -> Attributed {
    if claim.is_test {
        let finding = Finding::Ended(End::new(Outcome::Ignored, Reason::TestMode));
        return Attributed { finding, touches: Vec::new() };
    }
    let candidates = candidates::gather(sight, claim, keys);
    let touches = candidates::ties(sight, claim, &candidates);
    let finding = match decide(sight, claim, candidates) {
        Ok(finding) => finding,
        Err(end) => ended(sight, claim, end),
    };
    Attributed { finding, touches }
}

/// Prices and explains what a person credits to somebody. `None`: the action earns nothing there.
///
/// # Errors
/// How a claim with these amounts would end.
pub(crate) fn by_hand(sight: &Sight<'_>, claim: &Claim, good: Good) -> Result<Option<Credit>, End> {
    let rule = AttributionRule::Manual;
    let Some(mut credit) = earn::credit(sight, claim, (&good, rule))? else { return Ok(None) };
    let candidates = [Candidate::by_hand(good)];
    let story = explain::Story { candidates: &candidates, winner: 0, touches: 0 };
    credit.explanation = explain::explanation(sight, &story, &credit);
    // No inbound told it.
    credit.explanation["inbound"] = serde_json::Value::Null;
    Ok(Some(credit))
}

/// A step for which nobody ever pays stays a step, whatever its keys.
fn ended(sight: &Sight<'_>, claim: &Claim, end: End) -> Finding {
    let is_step = claim.action != Action::Purchase
        && end.outcome == Outcome::Unmatched
        && !sight.objects.is_paid(&Told::action_word(claim));
    if is_step { Finding::Step(None) } else { Finding::Ended(end) }
}

fn decide(sight: &Sight<'_>, claim: &Claim, mut found: Vec<Candidate>) -> Result<Finding, End> {
    if let Some(currency) = early_currency(sight, claim) {
        earn::amounts(claim, currency)?;
    }
    let Some(winner) = choose(sight, &found) else {
        return Err(nobody(sight, claim, &found));
    };
    let (earlier, touch_count) = candidates::first_touch(sight, claim, &found, winner);
    let winner = match earlier {
        Some(earlier) => {
            found.insert(0, earlier);
            0
        }
        None => winner,
    };
    note_losers(&mut found, winner);
    let (kind, Some(good)) = (found[winner].kind, found[winner].good.clone()) else {
        return Err(nobody(sight, claim, &found));
    };
    match earn::credit(sight, claim, (&good, kind))? {
        Some(mut credit) => {
            let story = explain::Story { candidates: &found, winner, touches: touch_count };
            credit.explanation = explain::explanation(sight, &story, &credit);
            Ok(Finding::Credited(Box::new(credit)))
        }
        None if claim.action == Action::Purchase => {
            let end = End::new(Outcome::Unmatched, Reason::ActionNotInOffer);
            Err(end.explained("the offer has no terms for a purchase at that time"))
        }
        None => Ok(Finding::Step(Some(StepCredit {
            campaign: good.campaign,
            publisher: good.publisher,
            link: good.link,
            click_id: good.click.map(|click| click.id.to_string()),
        }))),
    }
}

/// The currency where it does not hang on who is credited, so that a bad amount is told whatever
/// the keys.
fn early_currency(sight: &Sight<'_>, claim: &Claim) -> Option<Currency> {
    let of_advertiser =
        || sight.integration.advertiser.and_then(|advertiser| sight.objects.currency(advertiser));
    claim.currency.or_else(of_advertiser)
}

/// The winner among candidates: the first good one, but for a click that beats coupons in its
/// campaign.
fn choose(sight: &Sight<'_>, found: &[Candidate]) -> Option<usize> {
    let first = found.iter().position(|candidate| candidate.good.is_some())?;
    if found[first].kind != AttributionRule::Coupon {
        return Some(first);
    }
    let campaign = found[first].good.as_ref().map(|good| good.campaign)?;
    let click_wins = sight
        .objects
        .campaign(campaign)
        .is_some_and(|campaign| campaign.precedence == CouponPrecedence::ClickWins);
    let is_click = |candidate: &Candidate| {
        candidate.kind == AttributionRule::ClickId && candidate.good.is_some()
    };
    match found.iter().position(is_click) {
        Some(click) if click_wins => Some(click),
        _ => Some(first),
    }
}

/// Good candidates that lost say to what.
fn note_losers(found: &mut [Candidate], winner: usize) {
    let (rule, is_touch) = (found[winner].kind, found[winner].is_touch);
    for (position, candidate) in found.iter_mut().enumerate() {
        if position == winner || candidate.why_not.is_some() {
            continue;
        }
        candidate.why_not = Some(match (rule, candidate.kind) {
            (AttributionRule::ClickId, AttributionRule::Coupon) => "click_wins",
            (AttributionRule::Coupon, _) => "coupon_wins",
            (one, other) if one == other && is_touch => "later_touch",
            _ => "weaker_key",
        });
    }
}

/// Why nobody earns: the reason of the strongest key that came.
fn nobody(sight: &Sight<'_>, claim: &Claim, found: &[Candidate]) -> End {
    let strongest = found.iter().find_map(|candidate| candidate.reason);
    let reason = match strongest {
        Some(reason) => reason,
        None if is_news_of_an_order(claim) => Reason::UnknownOrder,
        None => nothing_reason(sight.integration),
    };
    let detail = explain::why_nobody(found);
    let end = End::new(Outcome::Unmatched, reason);
    if detail.is_empty() { end } else { end.explained(detail) }
}

/// A claim without any key that speaks of an order somebody else must have told: it has a status
/// and either takes something back or says nothing of amounts.
fn is_news_of_an_order(claim: &Claim) -> bool {
    let takes_back = matches!(
        claim.status,
        ClaimStatus::Rejected
            | ClaimStatus::Reversed
            | ClaimStatus::Returned
            | ClaimStatus::Partial
    );
    let has_amount = claim.amount.is_some() || claim.charge.is_some();
    claim.order_ref.is_some() && claim.status != ClaimStatus::Absent && (takes_back || !has_amount)
}

/// The model of a candidate's campaign.
fn model_of(sight: &Sight<'_>, good: &Good) -> AttributionModel {
    let campaign = sight.objects.campaign(good.campaign);
    campaign.map_or(AttributionModel::FirstTouch, |campaign| campaign.model)
}
