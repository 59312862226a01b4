//! Credit that a person gives: a conversion of its own, posted like any other, with its author and
//! reason.

use model::id::ConversionId;
use model::id::EventId;
use model::id::TenantId;
use store::business_keys::BusinessKey;
use store::conversions::Conversion;
use store::conversions::RevisionDecision;
use store::conversions::RevisionEffect;
use store::conversions::RevisionRow;
use store::error::StoreError;
use store::rollups::ConversionSums;
use store::unit::BatchTx;

use super::Changed;
use super::Desk;
use super::Reviewer;
use super::SettleError;
use super::save;
use crate::money::Books;
use crate::money::note_approval;
use crate::pipeline::ByHand;
use crate::pipeline::ByHandError;
use crate::pipeline::manual;
use crate::pipeline::manual::Names;

/// Why a person's credit was not given.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// It cannot be given so.
    #[error(transparent)]
    Refused(#[from] ByHandError),
    /// It could not be posted.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl From<StoreError> for CreditError {
    fn from(error: StoreError) -> Self {
        Self::Settle(error.into())
    }
}

impl Desk {
    /// Credits a publisher with what nobody told: once per order, whoever tells it later.
    ///
    /// # Errors
    /// [`CreditError`]; nothing is posted.
    pub async fn credit(
        &self,
        tenant: TenantId,
        wanted: &ByHand,
        reviewer: Reviewer<'_>,
    ) -> Result<Conversion, CreditError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = self.credit_in(&mut tx, tenant, wanted, reviewer).await;
        tx.end(worked).await
    }

    pub(super) async fn credit_in(
        &self,
        tx: &mut BatchTx,
        tenant: TenantId,
        wanted: &ByHand,
        reviewer: Reviewer<'_>,
    ) -> Result<Conversion, CreditError> {
        let now = self.parts.clock.now();
        let (conversion, event) =
            self.parts.ids.make(|rng| (ConversionId::new(now, rng), EventId::new(now, rng)));
        let names = Names { conversion, event, now };
        let mut row = manual::conversion(tx, tenant, wanted, names).await?;
        row.reason = reviewer.reason.map(str::to_owned);
        row.reviewed_by = Some(reviewer.by.to_owned());
        note_approval(&mut row, now);
        let mut books = Books::new(now, &self.parts.ids, reviewer.by);
        books.settle(&mut row, event).map_err(SettleError::from)?;
        let (revision, key) = first_revision(&row, reviewer);
        let changed = [Changed { row, counted: ConversionSums::default() }];
        save(tx, tenant, &books, &changed, now).await?;
        tx.conversions(tenant).insert_revisions(&[revision]).await?;
        tx.business_keys(tenant).claim(&[key]).await?;
        let [Changed { row, .. }] = changed;
        Ok(row)
    }
}

/// The person's word as the first revision of the order, and the key that it takes.
fn first_revision(row: &Conversion, reviewer: Reviewer<'_>) -> (RevisionRow, BusinessKey) {
    let by = reviewer.by.to_owned();
    let revision = RevisionRow {
        conversion: row.id,
        event: row.revised_event,
        claim_index: 0,
        revision: row.revision,
        effect: RevisionEffect::Applied,
        integration: row.integration,
        status: row.outside_status,
        amount_minor: row.order_amount_minor,
        stated_charge_minor: row.stated_charge_minor,
        outside_at: None,
        received_at: row.revised_at,
        decision: Some(RevisionDecision { by, why: reviewer.reason.map(str::to_owned) }),
    };
    let key = BusinessKey {
        order: row.order.clone(),
        revision: row.revision,
        conversion: row.id,
        event: row.revised_event,
        claim_index: 0,
    };
    (revision, key)
}
