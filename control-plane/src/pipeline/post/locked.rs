//! News for a month that is locked: kept, and for two people to settle.

use model::claim::Claim;
use model::id::ConversionId;
use model::id::IntegrationId;
use model::outcome::Outcome;
use store::cases::CaseKind;
use store::conversions::RevisionEffect;

use super::draft::Draft;
use super::end::ClaimEnd;
use super::news;
use crate::pipeline::parcel::End;

impl Draft<'_> {
    /// Keeps the news without any effect, and opens a case.
    pub(super) fn lock_out(
        &mut self,
        id: ConversionId,
        told: news::Told,
        source: (&Claim, IntegrationId),
    ) -> ClaimEnd {
        self.note(id, RevisionEffect::Locked, told, source);
        self.books.open_case(CaseKind::LockedPeriod, id.to_string(), told.event);
        let end = End::plain(Outcome::Held).explained("the month of its order is locked");
        ClaimEnd::new(end, Some(id))
    }
}
