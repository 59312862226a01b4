//! API keys. Only their hashes are here.

use model::catalog::CatalogKind;
use model::catalog::Role;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::KeyId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;

use crate::catalog_outbox::changed;
use crate::conn::Scope;
use crate::conn::SysScope;
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
use crate::unit::SysTx;

model::words! {
    /// Whether a key may stand in a web page.
    pub enum KeyKind {
        /// Known to its holder only.
        Secret = "secret",
        /// Stands in web pages, bound to origins.
        Publishable = "publishable",
    }
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id, which stands in the key's text.
    pub id: KeyId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// HMAC-SHA-256 of the secret under the pepper.
    pub hash: [u8; 32],
    /// Set on an advertiser's keys.
    pub advertiser: Option<AdvertiserId>,
    /// Set on a publisher's keys.
    pub publisher: Option<PublisherId>,
    /// Set on a shopper's keys.
    pub shopper: Option<ShopperId>,
    /// Where a publishable key may stand: `https://shop.example`.
    pub origins: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// End of a rotation's overlap: refused from then on.
    pub expires_at: Option<Timestamp>,
    /// Refused from then on.
    pub revoked_at: Option<Timestamp>,
}

impl KeyRow {
    /// From when on it is refused; absent: never.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.expires_at, self.revoked_at) {
            (Some(expires), Some(revoked)) => Some(expires.min(revoked)),
            (expires, revoked) => expires.or(revoked),
        }
    }
}

/// A key and whether its owner still stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: KeyRow,
    /// False when its advertiser is inactive or archived, or its publisher archived.
    pub owner_is_active: bool,
}

repository! {
    /// API keys of the tenant.
    Keys = keys
}

/// Keys before a tenant is known.
#[derive(Debug)]
pub struct AllKeys<'t>(SysScope<'t>);

impl SysTx {
    /// API keys of all tenants, found by id only.
    pub const fn keys(&mut self) -> AllKeys<'_> {
        AllKeys(self.sys())
    }
}

const SELECT: &str = "SELECT id, tenant_id, name, role, kind, hash, advertiser_id, publisher_id, \
                      shopper_id, origins, created_at, expires_at, revoked_at FROM api_keys";

const BY_ID: &str = "SELECT id, tenant_id, name, role, kind, hash, advertiser_id, publisher_id, \
                     shopper_id, origins, created_at, expires_at, revoked_at FROM api_keys \
                     WHERE id = $1";

const SIGHTS: Sights = Sights {
    advertiser: Sight::Where("advertiser_id = ?"),
    publisher: Sight::Where("publisher_id = ?"),
};

impl AllKeys<'_> {
    /// The key with this id, whoever's it is: the look-up that tells the tenant.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn find(&mut self, id: KeyId) -> StoreResult<Option<FoundKey>> {
        let row = self.0.fetch_optional(BY_ID, params![id]).await?;
        let Some(row) = row else { return Ok(None) };
        let key = read(&row)?;
        // From here on the tenant is known.
        let scope = self.0.scope(key.tenant);
        let owner_is_active = owner_is_active(scope, &key).await?;
        Ok(Some(FoundKey { key, owner_is_active }))
    }
}

async fn owner_is_active(mut scope: Scope<'_>, key: &KeyRow) -> StoreResult<bool> {
    let (sql, owner) = if let Some(advertiser) = key.advertiser {
        let sql = "SELECT 1 AS found FROM advertisers WHERE tenant_id = $1 AND id = $2 \
                   AND status = 'active' AND archived_at IS NULL";
        (sql, Value::from(advertiser))
    } else if let Some(publisher) = key.publisher {
        let sql = "SELECT 1 AS found FROM publishers WHERE tenant_id = $1 AND id = $2 \
                   AND archived_at IS NULL";
        (sql, Value::from(publisher))
    } else {
        return Ok(true);
    };
    let owner = scope.fetch_optional(sql, vec![Value::from(key.tenant), owner]).await?;
    Ok(owner.is_some())
}

impl Keys<'_> {
    /// Adds a key.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, row: &KeyRow) -> StoreResult<()> {
        let sql = "INSERT INTO api_keys (id, tenant_id, name, role, kind, hash, advertiser_id, \
                   publisher_id, shopper_id, origins, created_at, expires_at, revoked_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let params = params![
            row.id,
            self.0.tenant(),
            &row.name,
            row.role.as_str(),
            row.kind.as_str(),
            row.hash,
            row.advertiser,
            row.publisher,
            row.shopper,
            json(&row.origins),
            row.created_at,
            row.expires_at,
            row.revoked_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Key, row.id, row.created_at).await
    }

    /// Changes name, origins and end.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &KeyRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE api_keys SET name = $3, origins = $4, expires_at = $5, revoked_at = $6 \
                   WHERE tenant_id = $1 AND id = $2";
        let origins = json(&row.origins);
        let params =
            params![self.0.tenant(), row.id, &row.name, origins, row.expires_at, row.revoked_at];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Key, row.id, now).await
    }

    /// One key, revoked or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: KeyId, reach: Reach) -> StoreResult<Option<KeyRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Keys that are not revoked, newest first; of one advertiser when one is named.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        advertiser: Option<AdvertiserId>,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<KeyRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("advertiser_id = ?", advertiser)
            .in_use("revoked_at", page);
        listing.page(page, &mut self.0, read).await
    }

    /// Every key, for a complete resend of the catalog.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<KeyRow>> {
        let listing = Listing::of(SELECT, self.0.tenant());
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> StoreResult<KeyRow> {
    Ok(KeyRow {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        name: row.string("name")?,
        role: row.word("role", Role::parse)?,
        kind: row.word("kind", KeyKind::parse)?,
        hash: row.array("hash")?,
        advertiser: row.opt_id("advertiser_id")?,
        publisher: row.opt_id("publisher_id")?,
        shopper: row.opt_id("shopper_id")?,
        origins: row.json("origins")?,
        created_at: row.at("created_at")?,
        expires_at: row.opt_at("expires_at")?,
        revoked_at: row.opt_at("revoked_at")?,
    })
}
