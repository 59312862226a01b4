//! Content that a person approves: the fixed fee of the enrolment, or what the terms say for a
//! deliverable, posted like any other conversion.

use model::claim::Action;
use model::id::DeliverableId;
use model::id::TenantId;
use model::money::Money;
use store::deliverables::DeliverableRow;
use store::deliverables::DeliverableStatus;
use store::error::StoreError;
use store::listing::Reach;
use store::terms::TermAction;
use store::unit::BatchTx;

use super::CreditError;
use super::Desk;
use super::Reviewer;
use crate::pipeline::ByHand;
use crate::pipeline::ByHandError;

/// Why a deliverable was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The tenant has no such deliverable.
    #[error("deliverable is not known")]
    NotFound,
    /// Somebody has decided it already.
    #[error("deliverable is decided already")]
    Decided,
    /// Its fee could not be posted.
    #[error(transparent)]
    Credit(#[from] CreditError),
}

impl From<StoreError> for DeliverError {
    fn from(error: StoreError) -> Self {
        Self::Credit(error.into())
    }
}

impl Desk {
    /// Approves content: its fee is posted, once.
    ///
    /// # Errors
    /// [`DeliverError`]; nothing is posted.
    pub async fn approve_deliverable(
        &self,
        (tenant, id): (TenantId, DeliverableId),
        reviewer: Reviewer<'_>,
    ) -> Result<DeliverableRow, DeliverError> {
        self.decide_deliverable((tenant, id), (DeliverableStatus::Approved, reviewer)).await
    }

    /// Rejects content: nothing is posted.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub async fn reject_deliverable(
        &self,
        (tenant, id): (TenantId, DeliverableId),
        reviewer: Reviewer<'_>,
    ) -> Result<DeliverableRow, DeliverError> {
        self.decide_deliverable((tenant, id), (DeliverableStatus::Rejected, reviewer)).await
    }

    async fn decide_deliverable(
        &self,
        named: (TenantId, DeliverableId),
        answer: (DeliverableStatus, Reviewer<'_>),
    ) -> Result<DeliverableRow, DeliverError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.decide_deliverable_in(&mut tx, named, answer)).await;
        tx.end(worked).await
    }

    async fn decide_deliverable_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, DeliverableId),
        (status, reviewer): (DeliverableStatus, Reviewer<'_>),
    ) -> Result<DeliverableRow, DeliverError> {
        let row = tx.deliverables(tenant).get(id, Reach::Tenant).await?;
        let mut row = row.ok_or(DeliverError::NotFound)?;
        if row.status != DeliverableStatus::Submitted {
            return Err(DeliverError::Decided);
        }
        row.status = status;
        row.decided_by = Some(reviewer.by.to_owned());
        row.decided_why = reviewer.reason.map(str::to_owned);
        row.decided_at = Some(self.parts.clock.now());
        if status == DeliverableStatus::Approved {
            let wanted = wanted(tx, tenant, &row).await?;
            let conversion = Box::pin(self.credit_in(tx, tenant, &wanted, reviewer)).await?;
            row.conversion = Some(conversion.id);
        }
        if tx.deliverables(tenant).decide(&row).await? {
            Ok(row)
        } else {
            Err(DeliverError::Decided)
        }
    }
}

/// What the approval credits. The fee that stands in the enrolment comes before any terms.
async fn wanted(
    tx: &mut BatchTx,
    tenant: TenantId,
    row: &DeliverableRow,
) -> Result<ByHand, CreditError> {
    let refused = |error: ByHandError| CreditError::Refused(error);
    let enrolment = tx.enrolments(tenant).of(row.campaign, row.publisher).await?;
    let enrolment = enrolment.filter(|row| row.archived_at.is_none());
    let enrolment = enrolment.ok_or_else(|| refused(ByHandError::NotEnrolled))?;
    let campaign = tx.campaigns(tenant).get(row.campaign, Reach::Tenant).await?;
    let campaign = campaign.ok_or_else(|| refused(ByHandError::NotEnrolled))?;
    let advertiser = tx.advertisers(tenant).get(row.advertiser, Reach::Tenant).await?;
    let advertiser = advertiser.ok_or_else(|| refused(ByHandError::EarnsNothing))?;
    let mut offer = None;
    for id in &campaign.offers {
        let found = tx.offers(tenant).get(*id, Reach::Tenant).await?;
        if found.is_some_and(|found| found.advertiser == row.advertiser) {
            offer = Some(*id);
            break;
        }
    }
    let fee = enrolment.fixed_fee_minor.map(|minor| Money::new(minor, advertiser.currency));
    Ok(ByHand {
        campaign: row.campaign,
        offer: offer.ok_or_else(|| refused(ByHandError::EarnsNothing))?,
        advertiser: row.advertiser,
        integration: advertiser.events_integration,
        publisher: row.publisher,
        action: Action::Custom,
        custom_action: Some(TermAction::Deliverable.to_string()),
        order_ref: Some(row.id.to_string()),
        order_amount: None,
        charge: fee,
    })
}
