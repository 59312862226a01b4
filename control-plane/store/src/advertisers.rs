//! Advertisers: who pays for results.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::IntegrationId;
use model::money::Currency;

use crate::catalog_outbox::all_changed;
use crate::catalog_outbox::changed;
use crate::error::StoreError;
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

model::words! {
    /// Whether something may be used.
    pub enum Status {
        /// It may.
        Active = "active",
        /// It may not, for now.
        Inactive = "inactive",
    }
}

/// A retailer or brand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertiserRow {
    /// Its id.
    pub id: AdvertiserId,
    /// For people.
    pub name: String,
    /// What it owes in.
    pub currency: Currency,
    /// Lower case; where links may lead, subdomains included.
    pub allowed_hosts: Vec<String>,
    /// `{"terms_days"}`.
    pub billing: serde_json::Value,
    /// Inactive: its links fall back, its keys and integrations are refused.
    pub status: Status,
    /// Built in: records its events.
    pub events_integration: IntegrationId,
    /// Built in: records its pixel.
    pub pixel_integration: IntegrationId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is gone from lists.
    pub archived_at: Option<Timestamp>,
}

impl AdvertiserRow {
    /// Whether its keys, links and integrations work.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, Status::Active) && self.archived_at.is_none()
    }
}

repository! {
    /// Advertisers of the tenant.
    Advertisers = advertisers
}

const SELECT: &str = "SELECT id, name, currency, allowed_hosts, billing, status, \
                      events_integration_id, pixel_integration_id, created_at, archived_at \
                      FROM advertisers";

const SIGHTS: Sights = Sights { advertiser: Sight::Where("id = ?"), publisher: Sight::None };

impl Advertisers<'_> {
    /// Adds an advertiser.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn insert(&mut self, row: &AdvertiserRow) -> StoreResult<()> {
        let sql = "INSERT INTO advertisers (tenant_id, id, name, currency, allowed_hosts, billing, \
                   status, events_integration_id, pixel_integration_id, created_at, archived_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            row.currency.code(),
            json(&row.allowed_hosts),
            json(&row.billing),
            row.status.as_str(),
            row.events_integration,
            row.pixel_integration,
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Advertiser, row.id, row.created_at).await
    }

    /// Changes what may change: everything but id, currency, built-in integrations and time. Its
    /// keys and integrations are told anew, because they end with it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn update(&mut self, row: &AdvertiserRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE advertisers SET name = $3, allowed_hosts = $4, billing = $5, \
                   status = $6, archived_at = $7 WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            json(&row.allowed_hosts),
            json(&row.billing),
            row.status.as_str(),
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Advertiser, row.id, now).await?;
        let keys = ("api_keys", "advertiser_id = ?");
        all_changed(&mut self.0, CatalogKind::Key, keys, row.id, now).await?;
        let integrations = ("integrations", "advertiser_id = ?");
        all_changed(&mut self.0, CatalogKind::Integration, integrations, row.id, now).await
    }

    /// One advertiser, archived or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn get(
        &mut self,
        id: AdvertiserId,
        reach: Reach,
    ) -> StoreResult<Option<AdvertiserRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Live advertisers, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list(
        &mut self,
        status: Option<Status>,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<AdvertiserRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("status = ?", status.map(Status::as_str))
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }

    /// Every advertiser, archived ones too.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<AdvertiserRow>> {
        let listing = Listing::of(SELECT, self.0.tenant());
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> StoreResult<AdvertiserRow> {
    Ok(AdvertiserRow {
        id: row.id("id")?,
        name: row.string("name")?,
        currency: currency(row, "currency")?,
        allowed_hosts: row.json("allowed_hosts")?,
        billing: row.json("billing")?,
        status: row.word("status", Status::parse)?,
        events_integration: row.id("events_integration_id")?,
        pixel_integration: row.id("pixel_integration_id")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}

/// A currency from a column of codes.
pub(crate) fn currency(row: &Row, column: &str) -> StoreResult<Currency> {
    let error = |_| StoreError::Column { column: column.to_owned(), expected: "a currency" };
    Currency::parse(row.text(column)?).map_err(error)
}
