//! Campaigns: dated groupings of offers with their settings of credit.

use std::fmt::Write;

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::conversion::AttributionModel;
use model::conversion::CouponPrecedence;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::OfferId;
use model::money::BasisPoints;

use crate::catalog_outbox::all_changed;
use crate::catalog_outbox::changed;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::Reach;
use crate::listing::Sight;
use crate::listing::Sights;
use crate::listing::json;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;

/// A dated grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRow {
    /// Its id.
    pub id: CampaignId,
    /// Whose; absent when it spans advertisers or has no offers yet.
    pub advertiser: Option<AdvertiserId>,
    /// For people.
    pub name: String,
    /// In the order in which they are tried.
    pub offers: Vec<OfferId>,
    /// First day, `YYYY-MM-DD` in the tenant's time zone.
    pub starts_on: Option<String>,
    /// Last day, included.
    pub ends_on: Option<String>,
    /// Which touch earns.
    pub attribution: AttributionModel,
    /// Coupon or click, when both are good.
    pub coupon_precedence: CouponPrecedence,
    /// The platform's part of a charge.
    pub fee: BasisPoints,
    /// The shopper's part of a commission.
    pub share: BasisPoints,
    /// In the advertiser's currency.
    pub budget_minor: Option<i64>,
    /// Value of the `Referrer-Policy` header.
    pub referrer_policy: String,
    /// For lists.
    pub tags: Vec<String>,
    /// Advertising label by language.
    pub label: serde_json::Value,
    /// Settings of the pre-lander page.
    pub prelander: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when its links are stopped.
    pub archived_at: Option<Timestamp>,
}

repository! {
    /// Campaigns of the tenant.
    Campaigns = campaigns
}

const SELECT: &str = "SELECT id, advertiser_id, name, starts_on, ends_on, attribution, \
                      coupon_precedence, fee_bp, share_bp, budget_minor, referrer_policy, tags, \
                      label, prelander, created_at, archived_at FROM campaigns";

/// Publishers choose what to apply for.
const SIGHTS: Sights =
    Sights { advertiser: Sight::Where("advertiser_id = ?"), publisher: Sight::All };

impl Campaigns<'_> {
    /// Adds a campaign with its offers.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Foreign`] when there is no such offer.
    pub async fn insert(&mut self, row: &CampaignRow) -> StoreResult<()> {
        let sql = "INSERT INTO campaigns (tenant_id, id, advertiser_id, name, starts_on, ends_on, \
                   attribution, coupon_precedence, fee_bp, share_bp, budget_minor, \
                   referrer_policy, tags, label, prelander, created_at, archived_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                   $16, $17)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.advertiser,
            &row.name,
            row.starts_on.clone(),
            row.ends_on.clone(),
            row.attribution.as_str(),
            row.coupon_precedence.as_str(),
            row.fee.0,
            row.share.0,
            row.budget_minor,
            &row.referrer_policy,
            json(&row.tags),
            json(&row.label),
            json(&row.prelander),
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        self.set_offers(row.id, &row.offers).await?;
        changed(&mut self.0, CatalogKind::Campaign, row.id, row.created_at).await
    }

    /// Changes what may change: everything but id and time.
    ///
    /// # Errors
    /// As [`Self::insert`].
    pub async fn update(&mut self, row: &CampaignRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE campaigns SET advertiser_id = $3, name = $4, starts_on = $5, \
                   ends_on = $6, attribution = $7, coupon_precedence = $8, fee_bp = $9, \
                   share_bp = $10, budget_minor = $11, referrer_policy = $12, tags = $13, \
                   label = $14, prelander = $15 WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            row.advertiser,
            &row.name,
            row.starts_on.clone(),
            row.ends_on.clone(),
            row.attribution.as_str(),
            row.coupon_precedence.as_str(),
            row.fee.0,
            row.share.0,
            row.budget_minor,
            &row.referrer_policy,
            json(&row.tags),
            json(&row.label),
            json(&row.prelander)
        ];
        self.0.execute(sql, params).await?;
        self.set_offers(row.id, &row.offers).await?;
        changed(&mut self.0, CatalogKind::Campaign, row.id, now).await
    }

    async fn set_offers(&mut self, id: CampaignId, offers: &[OfferId]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let sql = "DELETE FROM campaign_offers WHERE tenant_id = $1 AND campaign_id = $2";
        self.0.execute(sql, params![tenant, id]).await?;
        let columns = ["tenant_id", "campaign_id", "position", "offer_id"];
        let rows = (0_i64..).zip(offers);
        let rows = rows.map(|(position, offer)| params![tenant, id, position, *offer]).collect();
        self.0.insert_many("campaign_offers", &columns, rows, "").await?;
        Ok(())
    }

    /// Takes a campaign out of use; its links stop.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn archive(&mut self, id: CampaignId, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE campaigns SET archived_at = $3 \
                   WHERE tenant_id = $1 AND id = $2 AND archived_at IS NULL";
        let params = params![self.0.tenant(), id, now];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Campaign, id, now).await?;
        all_changed(&mut self.0, CatalogKind::Link, ("links", "campaign_id = ?"), id, now).await
    }

    /// One campaign, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: CampaignId, reach: Reach) -> StoreResult<Option<CampaignRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        let row = listing.first(&mut self.0).await?.as_ref().map(read).transpose()?;
        let mut rows: Vec<CampaignRow> = row.into_iter().collect();
        self.add_offers(&mut rows).await?;
        Ok(rows.pop())
    }

    /// Live campaigns, newest first; of one advertiser when one is named.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        advertiser: Option<AdvertiserId>,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<CampaignRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("advertiser_id = ?", advertiser)
            .in_use("archived_at", page);
        let mut paged = listing.page(page, &mut self.0, read).await?;
        self.add_offers(&mut paged.rows).await?;
        Ok(paged)
    }

    /// Every campaign, archived ones too.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<CampaignRow>> {
        let listing = Listing::of(SELECT, self.0.tenant());
        let rows = listing.all("id", &mut self.0).await?;
        let mut rows = rows.iter().map(read).collect::<StoreResult<Vec<CampaignRow>>>()?;
        self.add_offers(&mut rows).await?;
        Ok(rows)
    }

    async fn add_offers(&mut self, campaigns: &mut [CampaignRow]) -> StoreResult<()> {
        // Far below the engine's limit of placeholders.
        for chunk in campaigns.chunks_mut(500) {
            let mut params: Vec<Value> = params![self.0.tenant()];
            let mut sql = "SELECT campaign_id, offer_id FROM campaign_offers \
                           WHERE tenant_id = $1 AND campaign_id IN ("
                .to_owned();
            for campaign in &*chunk {
                params.push(Value::from(campaign.id));
                let comma = if params.len() == 2 { "" } else { ", " };
                // Writing into a String cannot fail.
                let _ = write!(sql, "{comma}${}", params.len());
            }
            sql.push_str(") ORDER BY campaign_id, position");
            for row in self.0.fetch_built(sql, params).await? {
                let id: CampaignId = row.id("campaign_id")?;
                if let Some(campaign) = chunk.iter_mut().find(|campaign| campaign.id == id) {
                    campaign.offers.push(row.id("offer_id")?);
                }
            }
        }
        Ok(())
    }
}

fn read(row: &Row) -> StoreResult<CampaignRow> {
    Ok(CampaignRow {
        id: row.id("id")?,
        advertiser: row.opt_id("advertiser_id")?,
        name: row.string("name")?,
        offers: Vec::new(),
        starts_on: row.opt_string("starts_on")?,
        ends_on: row.opt_string("ends_on")?,
        attribution: row.word("attribution", AttributionModel::parse)?,
        coupon_precedence: row.word("coupon_precedence", CouponPrecedence::parse)?,
        fee: crate::tenants::basis_points(row, "fee_bp")?,
        share: crate::tenants::basis_points(row, "share_bp")?,
        budget_minor: row.opt_int("budget_minor")?,
        referrer_policy: row.string("referrer_policy")?,
        tags: row.json("tags")?,
        label: row.json("label")?,
        prelander: row.json("prelander")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
