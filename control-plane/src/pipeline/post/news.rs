//! News of a known order: pure. What it says together with what was known, and whether it counts.

use std::time::Duration;

use model::claim::Claim;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::id::EventId;
use model::money::Money;
use model::money::MoneyError;
use store::conversions::Conversion;
use store::conversions::RevisionEffect;
use store::conversions::RevisionRow;

/// What an order says, absent fields filled in from what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) status: ClaimStatus,
    pub(crate) amount_minor: Option<i64>,
    pub(crate) stated_charge_minor: Option<i64>,
}

/// When news was told, by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) event: EventId,
    pub(crate) claim_index: i64,
    pub(crate) received_at: Timestamp,
    /// It waited for its order: receipt order says nothing about it.
    pub(crate) was_parked: bool,
    /// Its inbound goes through the pipeline again.
    pub(crate) is_again: bool,
}

impl Told {
    /// Whether a stored revision is this very claim.
    pub(crate) fn is_told_by(&self, row: &RevisionRow) -> bool {
        row.event == self.event && row.claim_index == self.claim_index
    }
}

/// What a news does to its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing new.
    Duplicate,
    /// Nothing new, but the outside dates it later than what is known.
    Confirmed,
    /// Older than what is known.
    Older,
    /// A change back that nobody can date.
    Held,
    /// The order changes.
    Applied(Content),
    /// The same claim, read differently than before: its revision says something else now.
    Replaced(Content),
}

/// How far the outside's clock may be ahead of ours: what is further ahead is not believed.
const AHEAD_MAX: Duration = Duration::from_mins(5);
const SECOND_US: i64 = 1_000_000;

/// The outside's own time of a news, where it has one that can be believed. Without a fraction it
/// names a second, and the news lies somewhere in it: counted as its end, so that it does not seem
/// older than what we had heard a moment before.
pub(crate) fn dated(claim: &Claim, received_at: Timestamp) -> Option<Timestamp> {
    let at = claim.updated_at.filter(|at| *at <= received_at + AHEAD_MAX)?;
    let is_second = at.0 % SECOND_US == 0;
    Some(if is_second { Timestamp(at.0.saturating_add(SECOND_US - 1)) } else { at })
}

/// The place of a news in time: the outside's own, never later than we heard of it, else when we
/// did.
pub(crate) fn revised_at(claim: &Claim, received_at: Timestamp) -> Timestamp {
    dated(claim, received_at).map_or(received_at, |at| at.min(received_at))
}

/// What the order says after the claim.
///
/// # Errors
/// [`MoneyError`] for amounts that are not of the order's currency.
pub(crate) fn merged(known: &Conversion, claim: &Claim) -> Result<Content, MoneyError> {
    let currency = known.order_currency;
    if claim.currency.is_some_and(|told| told != currency) {
        return Err(MoneyError::CurrencyMismatch);
    }
    let read = |text: &Option<String>, before: Option<i64>| match text {
        Some(text) => Money::parse(text, currency).map(|money| Some(money.minor)),
        None => Ok(before),
    };
    let status = match claim.status {
        ClaimStatus::Absent => known.outside_status,
        status => status,
    };
    Ok(Content {
        status,
        amount_minor: read(&claim.amount, known.order_amount_minor)?,
        stated_charge_minor: read(&claim.charge, known.stated_charge_minor)?,
    })
}

/// Whether and how a news counts.
///
/// # Errors
/// As [`merged`].
pub(crate) fn weigh(
    known: &Conversion,
    history: &[RevisionRow],
    claim: &Claim,
    told: Told,
) -> Result<Effect, MoneyError> {
    let content = merged(known, claim)?;
    let of_known = Content {
        status: known.outside_status,
        amount_minor: known.order_amount_minor,
        stated_charge_minor: known.stated_charge_minor,
    };
    let is_dated = dated(claim, told.received_at).is_some();
    let place = (revised_at(claim, told.received_at), told.event);
    let is_later = place > (known.revised_at, known.revised_event);
    if let Some(before) = history.iter().find(|row| told.is_told_by(row)) {
        let is_current =
            before.effect == RevisionEffect::Applied && before.revision == known.revision;
        let replaces = told.is_again && is_current && content != of_known;
        return Ok(if replaces { Effect::Replaced(content) } else { Effect::Duplicate });
    }
    if content == of_known {
        return Ok(if is_dated && is_later { Effect::Confirmed } else { Effect::Duplicate });
    }
    if !is_later && (is_dated || !told.was_parked) {
        return Ok(Effect::Older);
    }
    let was_content = |row: &RevisionRow| {
        row.effect == RevisionEffect::Applied
            && row.status == content.status
            && row.amount_minor == content.amount_minor
            && row.stated_charge_minor == content.stated_charge_minor
    };
    // The same time twice says no more than none: a retry carries the time it had.
    let tells_when = is_dated && place.0 > known.revised_at;
    if !tells_when && history.iter().any(was_content) {
        return Ok(Effect::Held);
    }
    Ok(Effect::Applied(content))
}
