//! Integrations: configured connections to outside systems that tell us things.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::IntegrationId;
use serde::Deserialize;
use serde::Serialize;

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

/// What a sender must prove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationAuth {
    /// A token in the query or a header.
    pub token: bool,
    /// A Standard Webhooks signature.
    pub hmac: bool,
    /// CIDR ranges; empty: any address.
    pub ip_allow: Vec<String>,
}

/// The hash of a token, as 64 hexadecimal digits of HMAC-SHA-256 under the pepper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHash {
    /// See [`TokenHash`].
    pub hash: String,
    /// End of a rotation's overlap, in microseconds; absent: never.
    pub expires_at: Option<i64>,
}

/// A secret of Standard Webhooks signatures.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacSecret {
    /// `whsec_` and base64.
    pub secret: String,
    /// End of a rotation's overlap, in microseconds; absent: never.
    pub expires_at: Option<i64>,
}

impl std::fmt::Debug for HmacSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HmacSecret(…)")
    }
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationRow {
    /// Its id.
    pub id: IntegrationId,
    /// For people.
    pub name: String,
    /// The plugin that reads it.
    pub adapter: String,
    /// `events` or `pixel` on those that every advertiser has.
    pub builtin: Option<String>,
    /// Absent: a network, which owes itself.
    pub advertiser: Option<AdvertiserId>,
    /// Whose order numbers it sends: an advertiser's or its own id, or a name given.
    pub order_space: String,
    /// What a sender must prove.
    pub auth: IntegrationAuth,
    /// At most two that live.
    pub token_hashes: Vec<TokenHash>,
    /// At most two that live.
    pub hmac_secrets: Vec<HmacSecret>,
    /// The adapter's configuration.
    pub config: serde_json::Value,
    /// Outside words for statuses.
    pub status_map: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub archived_at: Option<Timestamp>,
}

/// Filters of a list; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct IntegrationFilter {
    /// Of this advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// Read by this plugin.
    pub adapter: Option<String>,
}

repository! {
    /// Integrations of the tenant.
    Integrations = integrations
}

const SELECT: &str = "SELECT id, name, adapter, builtin, advertiser_id, order_space, auth, \
                      token_hashes, hmac_secrets, config, status_map, created_at, archived_at \
                      FROM integrations";

const SIGHTS: Sights =
    Sights { advertiser: Sight::Where("advertiser_id = ?"), publisher: Sight::None };

impl Integrations<'_> {
    /// Adds an integration.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, row: &IntegrationRow) -> StoreResult<()> {
        let sql = "INSERT INTO integrations (tenant_id, id, name, adapter, builtin, advertiser_id, \
                   order_space, auth, token_hashes, hmac_secrets, config, status_map, created_at, \
                   archived_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
                   $14)";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            &row.adapter,
            row.builtin.clone(),
            row.advertiser,
            &row.order_space,
            json(&row.auth),
            json(&row.token_hashes),
            json(&row.hmac_secrets),
            json(&row.config),
            json(&row.status_map),
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Integration, row.id, row.created_at).await
    }

    /// Changes what may change: everything but id, built-in word, advertiser and time.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &IntegrationRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE integrations SET name = $3, adapter = $4, order_space = $5, auth = $6, \
                   token_hashes = $7, hmac_secrets = $8, config = $9, status_map = $10, \
                   archived_at = $11 WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            &row.adapter,
            &row.order_space,
            json(&row.auth),
            json(&row.token_hashes),
            json(&row.hmac_secrets),
            json(&row.config),
            json(&row.status_map),
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Integration, row.id, now).await
    }

    /// One integration, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(
        &mut self,
        id: IntegrationId,
        reach: Reach,
    ) -> StoreResult<Option<IntegrationRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Live integrations, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &IntegrationFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<IntegrationRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("advertiser_id = ?", filter.advertiser)
            .matching("adapter = ?", filter.adapter.clone())
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }

    /// Every integration, archived ones too.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<IntegrationRow>> {
        let listing = Listing::of(SELECT, self.0.tenant());
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> StoreResult<IntegrationRow> {
    Ok(IntegrationRow {
        id: row.id("id")?,
        name: row.string("name")?,
        adapter: row.string("adapter")?,
        builtin: row.opt_string("builtin")?,
        advertiser: row.opt_id("advertiser_id")?,
        order_space: row.string("order_space")?,
        auth: row.json("auth")?,
        token_hashes: row.json("token_hashes")?,
        hmac_secrets: row.json("hmac_secrets")?,
        config: row.json("config")?,
        status_map: row.json("status_map")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
