//! An inbound that had an effect before and is read differently now: the same claim replaces what
//! it said, also when it speaks of another order than it seemed to.

use model::conversion::Decision;
use model::outcome::Outcome;
use store::conversions::RevisionEffect;

use super::PostRefused;
use super::draft::Draft;
use super::draft::Item;
use super::end::ClaimEnd;
use crate::pipeline::parcel::End;
use crate::pipeline::parcel::Parcel;

/// Why a withdrawn conversion is rejected.
const REPLACED: &str = "replaced";

/// Whether an inbound made or changed a conversion when it came through before.
pub(super) fn has_effect(parcel: &Parcel) -> bool {
    parcel.place.again.is_some_and(|again| again.conversion.is_some())
}

impl Draft<'_> {
    /// Takes back the conversion that a claim had made under another order, so that it can be made
    /// again under the right one. An end is given where that cannot be decided here.
    ///
    /// # Errors
    /// [`PostRefused::Ledger`] when the mirror does not fit the ledger.
    pub(super) fn withdraw(&mut self, item: Item<'_>) -> Result<Option<ClaimEnd>, PostRefused> {
        let Some(id) = item.parcel.place.again.and_then(|again| again.conversion) else {
            return Ok(None);
        };
        let Some(open) = self.open.get_mut(&id) else { return Ok(None) };
        let made_it = open.history.iter().any(|row| {
            item.news().is_told_by(row)
                && row.effect == RevisionEffect::Applied
                && row.revision == 1
        });
        if open.row.order == item.told.order || !made_it {
            return Ok(None);
        }
        if open.row.revision > 1 {
            let end = End::plain(Outcome::Held);
            let end = end.explained("its earlier order has had other news since");
            return Ok(Some(ClaimEnd::new(end, Some(id))));
        }
        if open.row.verdict != Decision::Reject {
            open.row.verdict = Decision::Reject;
            open.row.held_by = None;
            open.row.reason = Some(REPLACED.to_owned());
            open.is_changed = true;
            self.books.settle(&mut open.row, item.event()).map_err(PostRefused::Ledger)?;
        }
        Ok(None)
    }
}
