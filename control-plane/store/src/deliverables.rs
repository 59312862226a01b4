//! Content that publishers made: submitted, then approved or rejected once.

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::ConversionId;
use model::id::DeliverableId;
use model::id::PublisherId;

use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::Reach;
use crate::listing::Sight;
use crate::listing::Sights;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

model::words! {
    /// Where a deliverable is.
    pub enum DeliverableStatus {
        /// Waits for a person.
        Submitted = "submitted",
        /// Paid.
        Approved = "approved",
        /// Earns nothing.
        Rejected = "rejected",
    }
}

/// One piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverableRow {
    /// Its id; its conversion's order number too.
    pub id: DeliverableId,
    /// Made for it.
    pub campaign: CampaignId,
    /// Who made it.
    pub publisher: PublisherId,
    /// Who pays for it.
    pub advertiser: AdvertiserId,
    /// Where it is.
    pub url: String,
    /// The publisher's own words.
    pub note: Option<String>,
    /// Where it stands.
    pub status: DeliverableStatus,
    /// What its approval posted.
    pub conversion: Option<ConversionId>,
    /// Id of the key that decided.
    pub decided_by: Option<String>,
    /// In that person's words.
    pub decided_why: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// When it was submitted.
    pub created_at: Timestamp,
}

repository! {
    /// Deliverables of the tenant.
    Deliverables = deliverables
}

const SELECT: &str = "SELECT id, campaign_id, publisher_id, advertiser_id, url, note, status, \
                      conversion_id, decided_by, decided_why, decided_at, created_at \
                      FROM deliverables";
const SIGHTS: Sights = Sights {
    advertiser: Sight::Where("advertiser_id = ?"),
    publisher: Sight::Where("publisher_id = ?"),
};

impl Deliverables<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, row: &DeliverableRow) -> StoreResult<()> {
        let sql = "INSERT INTO deliverables (tenant_id, id, campaign_id, publisher_id, \
                   advertiser_id, url, note, status, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.campaign,
            row.publisher,
            row.advertiser,
            &row.url,
            row.note.clone(),
            row.status.as_str(),
            row.created_at
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Keeps a decision about one that was waiting; `false` where it was not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn decide(&mut self, row: &DeliverableRow) -> StoreResult<bool> {
        let sql = "UPDATE deliverables SET status = $3, conversion_id = $4, decided_by = $5, \
                   decided_why = $6, decided_at = $7 \
                   WHERE tenant_id = $1 AND id = $2 AND status = 'submitted'";
        let params = params![
            self.0.tenant(),
            row.id,
            row.status.as_str(),
            row.conversion,
            row.decided_by.clone(),
            row.decided_why.clone(),
            row.decided_at
        ];
        Ok(self.0.execute(sql, params).await? == 1)
    }

    /// One.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(
        &mut self,
        id: DeliverableId,
        reach: Reach,
    ) -> StoreResult<Option<DeliverableRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// A page, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        status: Option<DeliverableStatus>,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<DeliverableRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("status = ?", status.map(DeliverableStatus::as_str));
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<DeliverableRow> {
    Ok(DeliverableRow {
        id: row.id("id")?,
        campaign: row.id("campaign_id")?,
        publisher: row.id("publisher_id")?,
        advertiser: row.id("advertiser_id")?,
        url: row.string("url")?,
        note: row.opt_string("note")?,
        status: row.word("status", DeliverableStatus::parse)?,
        conversion: row.opt_id("conversion_id")?,
        decided_by: row.opt_string("decided_by")?,
        decided_why: row.opt_string("decided_why")?,
        decided_at: row.opt_at("decided_at")?,
        created_at: row.at("created_at")?,
    })
}
