//! Tracking hosts.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::DomainId;

use crate::catalog_outbox::changed;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

/// A tracking host of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Its id.
    pub id: DomainId,
    /// Lower case, without port; `*` answers for every host that no other row names.
    pub host: String,
    /// Where unknown slugs lead.
    pub fallback_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it no longer answers.
    pub archived_at: Option<Timestamp>,
}

repository! {
    /// Tracking hosts of the tenant.
    Domains = domains
}

const SELECT: &str = "SELECT id, host, fallback_url, created_at, archived_at FROM domains";

impl Domains<'_> {
    /// Adds a domain.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the host is taken, by whomever.
    pub async fn insert(&mut self, row: &DomainRow) -> StoreResult<()> {
        let sql = "INSERT INTO domains (tenant_id, id, host, fallback_url, created_at, \
                   archived_at) VALUES ($1, $2, $3, $4, $5, $6)";
        let tenant = self.0.tenant();
        let params = params![
            tenant,
            row.id,
            &row.host,
            row.fallback_url.clone(),
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Domain, row.id, row.created_at).await
    }

    /// Changes the fallback.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &DomainRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE domains SET fallback_url = $3 WHERE tenant_id = $1 AND id = $2";
        let params = params![self.0.tenant(), row.id, row.fallback_url.clone()];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Domain, row.id, now).await
    }

    /// Stops a domain. Its host is free again: the row keeps it with its id behind a space.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn archive(&mut self, id: DomainId, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE domains SET archived_at = $3, host = host || ' ' || id \
                   WHERE tenant_id = $1 AND id = $2 AND archived_at IS NULL";
        let params = params![self.0.tenant(), id, now];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Domain, id, now).await
    }

    /// One domain, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: DomainId) -> StoreResult<Option<DomainRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The live domain with this host.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn by_host(&mut self, host: &str) -> StoreResult<Option<DomainRow>> {
        let listing =
            Listing::of(SELECT, self.0.tenant()).only("host = ?", host).and("archived_at IS NULL");
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Live domains, oldest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn live(&mut self) -> StoreResult<Vec<DomainRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).and("archived_at IS NULL");
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }

    /// Live domains, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(&mut self, page: &PageAsk) -> StoreResult<Paged<DomainRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<DomainRow> {
    Ok(DomainRow {
        id: row.id("id")?,
        host: row.text("host")?.split(' ').next().unwrap_or_default().to_owned(),
        fallback_url: row.opt_string("fallback_url")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
