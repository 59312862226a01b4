//! How an inbound ended, taken together over its claims.

use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::id::ConversionId;
use model::outcome::Outcome;

use crate::pipeline::parcel::End;

/// One inbound after its batch: what metrics and callers want to know.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) end: End,
    /// Status of the conversion it made or changed.
    pub(crate) status: Option<ConversionStatus>,
    pub(crate) received_at: Timestamp,
}

/// How a claim ended.
#[derive(Debug, Clone)]
pub(super) struct ClaimEnd {
    pub(super) end: End,
    pub(super) conversion: Option<ConversionId>,
}

impl ClaimEnd {
    pub(super) const fn new(end: End, conversion: Option<ConversionId>) -> Self {
        Self { end, conversion }
    }
}

/// Which outcome of several claims an inbound shows: the one that did most.
const fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Converted => 0,
        Outcome::Held => 1,
        Outcome::Updated => 2,
        Outcome::Rejected => 3,
        Outcome::Unmatched => 4,
        Outcome::Malformed => 5,
        Outcome::Event => 6,
        Outcome::Duplicate => 7,
        Outcome::Ignored => 8,
        Outcome::Refused => 9,
    }
}

/// The one end of an inbound. Without claims there was nothing for the ledger.
pub(super) fn of_inbound(claims: Vec<ClaimEnd>) -> ClaimEnd {
    let nothing = ClaimEnd::new(End::plain(Outcome::Ignored), None);
    claims.into_iter().min_by_key(|claim| weight(claim.end.outcome)).unwrap_or(nothing)
}
