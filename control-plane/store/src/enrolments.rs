//! Enrolments: publishers in campaigns.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::EnrolmentId;
use model::id::LinkId;
use model::id::PublisherId;

use crate::catalog_outbox::all_changed;
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
    /// How a publisher stands in a campaign.
    pub enum EnrolmentStatus {
        /// Its links work and earn.
        Active = "active",
        /// It asked; an operator decides.
        Applied = "applied",
        /// Stopped for now.
        Paused = "paused",
        /// Refused.
        Rejected = "rejected",
    }
}

/// One publisher in one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentRow {
    /// Its id.
    pub id: EnrolmentId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The publisher.
    pub publisher: PublisherId,
    /// How it stands.
    pub status: EnrolmentStatus,
    /// Owed once for content, in the advertiser's currency.
    pub fixed_fee_minor: Option<i64>,
    /// Its wildcard link.
    pub link: LinkId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is gone.
    pub archived_at: Option<Timestamp>,
}

impl EnrolmentRow {
    /// Whether links of it work.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, EnrolmentStatus::Active) && self.archived_at.is_none()
    }
}

/// Filters of a list; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct EnrolmentFilter {
    /// In this campaign.
    pub campaign: Option<CampaignId>,
    /// Of this publisher.
    pub publisher: Option<PublisherId>,
    /// With this status.
    pub status: Option<EnrolmentStatus>,
}

repository! {
    /// Enrolments of the tenant.
    Enrolments = enrolments
}

const SELECT: &str = "SELECT id, campaign_id, publisher_id, status, fixed_fee_minor, link_id, \
                      created_at, archived_at FROM enrolments";

const SIGHTS: Sights = Sights {
    advertiser: Sight::Where(
        "campaign_id IN (SELECT c.id FROM campaigns c \
         WHERE c.tenant_id = enrolments.tenant_id AND c.advertiser_id = ?)",
    ),
    publisher: Sight::Where("publisher_id = ?"),
};

impl Enrolments<'_> {
    /// Adds an enrolment.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the publisher stands in the campaign already.
    pub async fn insert(&mut self, row: &EnrolmentRow) -> StoreResult<()> {
        let sql = "INSERT INTO enrolments (tenant_id, id, campaign_id, publisher_id, status, \
                   fixed_fee_minor, link_id, created_at, archived_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.campaign,
            row.publisher,
            row.status.as_str(),
            row.fixed_fee_minor,
            row.link,
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// Changes status, fixed fee and end. The publisher's links in the campaign are told anew.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &EnrolmentRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE enrolments SET status = $3, fixed_fee_minor = $4, archived_at = $5 \
                   WHERE tenant_id = $1 AND id = $2";
        let tenant = self.0.tenant();
        let (status, fee) = (row.status.as_str(), row.fixed_fee_minor);
        self.0.execute(sql, params![tenant, row.id, status, fee, row.archived_at]).await?;
        let links = (
            "links",
            "EXISTS (SELECT 1 FROM enrolments e WHERE e.tenant_id = links.tenant_id AND e.id = ? \
             AND e.campaign_id = links.campaign_id AND e.publisher_id = links.publisher_id)",
        );
        all_changed(&mut self.0, CatalogKind::Link, links, row.id, now).await
    }

    /// One enrolment, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(
        &mut self,
        id: EnrolmentId,
        reach: Reach,
    ) -> StoreResult<Option<EnrolmentRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// How a publisher stands in a campaign, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn of(
        &mut self,
        campaign: CampaignId,
        publisher: PublisherId,
    ) -> StoreResult<Option<EnrolmentRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .only("campaign_id = ?", campaign)
            .only("publisher_id = ?", publisher);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Enrolments that are not archived, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &EnrolmentFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<EnrolmentRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("campaign_id = ?", filter.campaign)
            .matching("publisher_id = ?", filter.publisher)
            .matching("status = ?", filter.status.map(EnrolmentStatus::as_str))
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<EnrolmentRow> {
    Ok(EnrolmentRow {
        id: row.id("id")?,
        campaign: row.id("campaign_id")?,
        publisher: row.id("publisher_id")?,
        status: row.word("status", EnrolmentStatus::parse)?,
        fixed_fee_minor: row.opt_int("fixed_fee_minor")?,
        link: row.id("link_id")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
