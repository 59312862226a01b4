//! Offers: what advertisers pay for.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::OfferId;

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

/// What an advertiser pays for. Its terms are rows of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRow {
    /// Its id.
    pub id: OfferId,
    /// Whose.
    pub advertiser: AdvertiserId,
    /// For people.
    pub name: String,
    /// The brand, where it is not the advertiser.
    pub brand: Option<String>,
    /// For lists and rules.
    pub category: Option<String>,
    /// One product.
    pub sku: Option<String>,
    /// Template with macros, https, on a host of the advertiser.
    pub destination: String,
    /// Where people may look at it without a click.
    pub preview_url: Option<String>,
    /// Parameter that carries the click id; absent turns it off.
    pub click_param: Option<String>,
    /// Parameter that carries the slug; absent turns it off.
    pub ref_param: Option<String>,
    /// Incoming parameters that are carried over.
    pub pass_params: Vec<String>,
    /// How long a click may earn, in days.
    pub click_window_days: i64,
    /// How long a visitor hash may match, in hours.
    pub probabilistic_hours: i64,
    /// How long a confirmed conversion waits, in days.
    pub hold_days: i64,
    /// Limits by day, month and in total.
    pub caps: serde_json::Value,
    /// Where visitors go when its links are stopped.
    pub fallback_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when its links are stopped.
    pub archived_at: Option<Timestamp>,
}

/// Filters of a list; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct OfferFilter {
    /// In this category.
    pub category: Option<String>,
    /// Of this advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// In this campaign.
    pub campaign: Option<CampaignId>,
}

repository! {
    /// Offers of the tenant.
    Offers = offers
}

const SELECT: &str = "SELECT id, advertiser_id, name, brand, category, sku, destination, \
                      preview_url, click_param, ref_param, pass_params, click_window_days, \
                      probabilistic_hours, hold_days, caps, fallback_url, created_at, archived_at \
                      FROM offers";

/// Publishers choose from what there is.
const SIGHTS: Sights =
    Sights { advertiser: Sight::Where("advertiser_id = ?"), publisher: Sight::All };

impl Offers<'_> {
    /// Adds an offer.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Foreign`] when there is no such advertiser.
    pub async fn insert(&mut self, row: &OfferRow) -> StoreResult<()> {
        let sql = "INSERT INTO offers (tenant_id, id, advertiser_id, name, brand, category, sku, \
                   destination, preview_url, click_param, ref_param, pass_params, \
                   click_window_days, probabilistic_hours, hold_days, caps, fallback_url, \
                   created_at, archived_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
                   $12, $13, $14, $15, $16, $17, $18, $19)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.advertiser,
            &row.name,
            row.brand.clone(),
            row.category.clone(),
            row.sku.clone(),
            &row.destination,
            row.preview_url.clone(),
            row.click_param.clone(),
            row.ref_param.clone(),
            json(&row.pass_params),
            row.click_window_days,
            row.probabilistic_hours,
            row.hold_days,
            json(&row.caps),
            row.fallback_url.clone(),
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Offer, row.id, row.created_at).await
    }

    /// Changes what may change: everything but id, advertiser and time.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &OfferRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE offers SET name = $3, brand = $4, category = $5, sku = $6, \
                   destination = $7, preview_url = $8, click_param = $9, ref_param = $10, \
                   pass_params = $11, click_window_days = $12, probabilistic_hours = $13, \
                   hold_days = $14, caps = $15, fallback_url = $16 \
                   WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            row.brand.clone(),
            row.category.clone(),
            row.sku.clone(),
            &row.destination,
            row.preview_url.clone(),
            row.click_param.clone(),
            row.ref_param.clone(),
            json(&row.pass_params),
            row.click_window_days,
            row.probabilistic_hours,
            row.hold_days,
            json(&row.caps),
            row.fallback_url.clone()
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Offer, row.id, now).await
    }

    /// Takes an offer out of use; its links stop.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn archive(&mut self, id: OfferId, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE offers SET archived_at = $3 \
                   WHERE tenant_id = $1 AND id = $2 AND archived_at IS NULL";
        let params = params![self.0.tenant(), id, now];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Offer, id, now).await?;
        all_changed(&mut self.0, CatalogKind::Link, ("links", "offer_id = ?"), id, now).await
    }

    /// One offer, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: OfferId, reach: Reach) -> StoreResult<Option<OfferRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Live offers, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &OfferFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<OfferRow>> {
        let in_campaign = "id IN (SELECT offer_id FROM campaign_offers \
                           WHERE campaign_offers.tenant_id = offers.tenant_id AND campaign_id = ?)";
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("category = ?", filter.category.clone())
            .matching("advertiser_id = ?", filter.advertiser)
            .matching(in_campaign, filter.campaign)
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }

    /// Every offer, archived ones too.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<OfferRow>> {
        let listing = Listing::of(SELECT, self.0.tenant());
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> StoreResult<OfferRow> {
    Ok(OfferRow {
        id: row.id("id")?,
        advertiser: row.id("advertiser_id")?,
        name: row.string("name")?,
        brand: row.opt_string("brand")?,
        category: row.opt_string("category")?,
        sku: row.opt_string("sku")?,
        destination: row.string("destination")?,
        preview_url: row.opt_string("preview_url")?,
        click_param: row.opt_string("click_param")?,
        ref_param: row.opt_string("ref_param")?,
        pass_params: row.json("pass_params")?,
        click_window_days: row.int("click_window_days")?,
        probabilistic_hours: row.int("probabilistic_hours")?,
        hold_days: row.int("hold_days")?,
        caps: row.json("caps")?,
        fallback_url: row.opt_string("fallback_url")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
