//! News that changes an order back to what it said before, without saying when: it cannot be told
//! from a late retry, so it posts nothing until a person has decided about it.
//!
//! # Why
//!
//! While the question is open the conversion says so (`held_by`), and a pending one is not
//! released: what it is worth is in doubt. Later news that is told for certain answers the question
//! without anybody. A conversion that was rejected here earns nothing whatever its order says, so
//! nobody is asked about it.

use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::EventId;
use model::outcome::Outcome;
use store::conversions::CHANGED_BACK;
use store::conversions::Conversion;
use store::conversions::RevisionDecision;
use store::conversions::RevisionEffect;
use store::conversions::RevisionRow;

use crate::money::note_approval;

/// Whether a person has to say if such news counts.
pub(crate) fn is_asked(row: &Conversion) -> bool {
    row.held_by.as_deref() == Some(CHANGED_BACK)
}

/// Asks a person about news that was just held; true when the conversion did not ask before. A hold
/// on its release is answered first; one on an order that was taken back meanwhile waits behind.
pub(crate) fn ask(row: &mut Conversion) -> bool {
    let is_rejected = row.verdict == Decision::Reject;
    let is_held = row.status == ConversionStatus::Pending && row.held_by.is_some();
    if is_rejected || is_held || is_asked(row) {
        return false;
    }
    row.held_before = row.held_by.replace(CHANGED_BACK.to_owned());
    true
}

/// Ends the news that the current content has overtaken; what changed of it.
pub(crate) fn overtake(row: &mut Conversion, history: &mut [RevisionRow]) -> Vec<RevisionRow> {
    let mut overtaken = Vec::new();
    let mut is_open = false;
    for news in history.iter_mut().filter(|news| news.effect == RevisionEffect::Held) {
        let is_said = news.status == row.outside_status
            && news.amount_minor == row.order_amount_minor
            && news.stated_charge_minor == row.stated_charge_minor;
        if is_said || place(news) < (row.revised_at, row.revised_event, i64::MAX) {
            news.effect = RevisionEffect::Older;
            overtaken.push(news.clone());
        } else {
            is_open = true;
        }
    }
    if !is_open {
        stop_asking(row);
    }
    overtaken
}

/// A person says that the order did change: its latest news counts, whatever was before it is
/// older.
pub(crate) fn apply(
    row: &mut Conversion,
    held: Vec<RevisionRow>,
    decision: &RevisionDecision,
) -> Vec<RevisionRow> {
    let mut held = decided(held, RevisionEffect::Older, decision);
    if let Some(news) = held.iter_mut().max_by_key(|news| place(news)) {
        row.outside_status = news.status;
        row.order_amount_minor = news.amount_minor;
        row.stated_charge_minor = news.stated_charge_minor;
        row.revised_at = row.revised_at.max(news.received_at);
        row.revised_event = news.event;
        row.revision += 1;
        note_approval(row, news.received_at);
        news.effect = RevisionEffect::Applied;
        news.revision = row.revision;
    }
    stop_asking(row);
    held
}

/// A person says that it was a late retry: what is known stays.
pub(crate) fn decline(
    row: &mut Conversion,
    held: Vec<RevisionRow>,
    decision: &RevisionDecision,
) -> Vec<RevisionRow> {
    stop_asking(row);
    decided(held, RevisionEffect::Declined, decision)
}

/// How the inbound of decided or overtaken news ends.
pub(crate) fn outcome_of(news: &RevisionRow) -> Outcome {
    match news.effect {
        RevisionEffect::Applied => Outcome::Updated,
        RevisionEffect::Held | RevisionEffect::Locked => Outcome::Held,
        RevisionEffect::Older | RevisionEffect::Declined => Outcome::Ignored,
    }
}

fn stop_asking(row: &mut Conversion) {
    if is_asked(row) {
        row.held_by = row.held_before.take();
    }
}

fn decided(
    mut held: Vec<RevisionRow>,
    effect: RevisionEffect,
    decision: &RevisionDecision,
) -> Vec<RevisionRow> {
    for news in &mut held {
        news.effect = effect;
        news.decision = Some(decision.clone());
    }
    held
}

/// The place of undated news in time.
fn place(news: &RevisionRow) -> (Timestamp, EventId, i64) {
    (news.received_at, news.event, news.claim_index)
}
