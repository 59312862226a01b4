//! Coupons: codes used at the shop that can earn for their publisher.

use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::CouponId;
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
    /// Whether a coupon can earn.
    pub enum CouponStatus {
        /// It can.
        Active = "active",
        /// It was taken back. Its code stays taken.
        Invalid = "invalid",
    }
}

/// One code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponRow {
    /// Its id.
    pub id: CouponId,
    /// The campaign it earns in.
    pub campaign: CampaignId,
    /// Who earns; absent: generic, never decides attribution.
    pub publisher: Option<PublisherId>,
    /// Upper case, unique in the tenant for ever.
    pub code: String,
    /// Whether it can earn.
    pub status: CouponStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub invalidated_at: Option<Timestamp>,
    /// When it was taken out of the lists.
    pub archived_at: Option<Timestamp>,
}

/// Filters of a list; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct CouponFilter {
    /// In this campaign.
    pub campaign: Option<CampaignId>,
    /// Of this publisher.
    pub publisher: Option<PublisherId>,
    /// With this status.
    pub status: Option<CouponStatus>,
    /// With this code.
    pub code: Option<String>,
}

repository! {
    /// Coupons of the tenant.
    Coupons = coupons
}

const SELECT: &str = "SELECT id, campaign_id, publisher_id, code, status, created_at, \
                      invalidated_at, archived_at FROM coupons";

const SIGHTS: Sights = Sights {
    advertiser: Sight::Where(
        "campaign_id IN (SELECT c.id FROM campaigns c \
         WHERE c.tenant_id = coupons.tenant_id AND c.advertiser_id = ?)",
    ),
    publisher: Sight::Where("publisher_id = ?"),
};

impl Coupons<'_> {
    /// Adds a coupon; `false` when the code is taken, by a live or a past one.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, row: &CouponRow) -> StoreResult<bool> {
        let sql = "INSERT INTO coupons (tenant_id, id, campaign_id, publisher_id, code, status, \
                   created_at, invalidated_at, archived_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                   ON CONFLICT (tenant_id, code) DO NOTHING";
        let params = params![
            self.0.tenant(),
            row.id,
            row.campaign,
            row.publisher,
            &row.code,
            row.status.as_str(),
            row.created_at,
            row.invalidated_at,
            row.archived_at
        ];
        Ok(self.0.execute(sql, params).await? == 1)
    }

    /// Changes code and status.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the code is taken.
    pub async fn update(&mut self, row: &CouponRow) -> StoreResult<()> {
        let sql = "UPDATE coupons SET code = $3, status = $4, invalidated_at = $5, \
                   archived_at = $6 WHERE tenant_id = $1 AND id = $2";
        let (tenant, status) = (self.0.tenant(), row.status.as_str());
        let (invalidated_at, archived_at) = (row.invalidated_at, row.archived_at);
        let params = params![tenant, row.id, &row.code, status, invalidated_at, archived_at];
        self.0.execute(sql, params).await.map(drop)
    }

    /// One coupon, valid or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: CouponId, reach: Reach) -> StoreResult<Option<CouponRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The coupon with a code, in upper case.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn by_code(&mut self, code: &str) -> StoreResult<Option<CouponRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("code = ?", code);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Coupons, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &CouponFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<CouponRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("campaign_id = ?", filter.campaign)
            .matching("publisher_id = ?", filter.publisher)
            .matching("status = ?", filter.status.map(CouponStatus::as_str))
            .matching("code = ?", filter.code.clone())
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<CouponRow> {
    Ok(CouponRow {
        id: row.id("id")?,
        campaign: row.id("campaign_id")?,
        publisher: row.opt_id("publisher_id")?,
        code: row.string("code")?,
        status: row.word("status", CouponStatus::parse)?,
        created_at: row.at("created_at")?,
        invalidated_at: row.opt_at("invalidated_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
