//! The review desk: a person decides about one conversion.

use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::ConversionId;
use model::id::TenantId;
use store::conversions::Conversion;
use store::error::StoreError;

use super::Changed;
use super::SettleError;
use super::SettleParts;
use super::save;
use crate::money::Books;
use crate::money::is_negative;
use crate::pipeline::counted;

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The tenant has no such conversion.
    #[error("conversion is not known")]
    NotFound,
    /// It is taken back outside, or it was released: nothing is left to decide.
    #[error("conversion is not open for review")]
    NotOpen,
    /// The decision could not be posted.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        Self::Settle(error.into())
    }
}

/// Where people decide. A cheap handle.
#[derive(Debug, Clone)]
pub struct Desk {
    parts: SettleParts,
}

impl Desk {
    pub(super) const fn new(parts: SettleParts) -> Self {
        Self { parts }
    }

    /// Nothing speaks against it any more. It is released at once if its hold is over; one that a
    /// rule had rejected is posted now.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        id: ConversionId,
        by: &str,
    ) -> Result<Conversion, ReviewError> {
        self.decide(tenant, id, (Decision::Approve, by)).await
    }

    /// It earns nothing: what was posted is mirrored, or clawed back when it was released.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn reject(
        &self,
        tenant: TenantId,
        id: ConversionId,
        by: &str,
    ) -> Result<Conversion, ReviewError> {
        self.decide(tenant, id, (Decision::Reject, by)).await
    }

    async fn decide(
        &self,
        tenant: TenantId,
        id: ConversionId,
        (decision, by): (Decision, &str),
    ) -> Result<Conversion, ReviewError> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin_batch().await?;
        let Some(mut row) = tx.conversions(tenant).get(id).await? else {
            tx.cancel().await?;
            return Err(ReviewError::NotFound);
        };
        if !is_open(&row, decision) {
            tx.cancel().await?;
            return Err(ReviewError::NotOpen);
        }
        let before = counted(&row);
        row.verdict = decision;
        row.held_by = None;
        row.reviewed_by = Some(by.to_owned());
        let cause = row.revised_event;
        let mut books = Books::new(now, &self.parts.ids, by);
        books.settle(&mut row, cause).map_err(SettleError::from)?;
        let changed = [Changed { row, counted: before }];
        save(&mut tx, tenant, &books, &changed, now).await?;
        tx.save().await?;
        let [Changed { row, .. }] = changed;
        Ok(row)
    }
}

/// What a person may still decide: a pending conversion either way, a rejected one's approval, a
/// released one's rejection. What the outside took back is decided.
fn is_open(row: &Conversion, decision: Decision) -> bool {
    if is_negative(row.outside_status) {
        return false;
    }
    match row.status {
        ConversionStatus::Pending => true,
        ConversionStatus::Approved => decision == Decision::Reject,
        ConversionStatus::Rejected => decision == Decision::Approve,
        ConversionStatus::Reversed => false,
    }
}
