//! Tenants, and what a new installation begins with.

use model::clock::Timestamp;
use model::id::DomainId;
use model::id::TenantId;
use model::money::BasisPoints;
use rand::RngCore;

use crate::conn::SysScope;
use crate::domains::DomainRow;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::unit::BatchTx;
use crate::unit::Store;
use crate::unit::SysTx;

/// Name of the tenant that exists from the start.
pub const DEFAULT_TENANT: &str = "default";

/// An operator's workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// Unique in the installation.
    pub name: String,
    /// Fee of campaigns that state none.
    pub default_fee: BasisPoints,
    /// Shopper's share of campaigns that state none.
    pub default_share: BasisPoints,
    /// BCP 47 tag.
    pub locale: String,
    /// IANA name; what `*_on` and months are read in.
    pub time_zone: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The repository of tenants.
#[derive(Debug)]
pub struct Tenants<'t>(SysScope<'t>);

impl BatchTx {
    /// Operators' workspaces.
    pub const fn tenants(&mut self) -> Tenants<'_> {
        Tenants(self.sys())
    }
}

impl SysTx {
    /// Operators' workspaces.
    pub const fn tenants(&mut self) -> Tenants<'_> {
        Tenants(self.sys())
    }
}

crate::listing::repository! {
    /// The tenant of the unit of work itself.
    OwnTenant = own_tenant
}

impl OwnTenant<'_> {
    /// The tenant.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Missing`] when it is gone.
    pub async fn get(&mut self) -> StoreResult<TenantRow> {
        let params = params![self.0.tenant()];
        let rows = self.0.fetch_built(text(SELECT, " WHERE id = $1"), params).await?;
        read(rows.first().ok_or(crate::error::StoreError::Missing)?)
    }

    /// Changes what may change: everything but id and time.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the name is taken.
    pub async fn update(&mut self, row: &TenantRow) -> StoreResult<()> {
        let sql = "UPDATE tenants SET name = $2, default_fee_bp = $3, default_share_bp = $4, \
                   locale = $5, time_zone = $6 WHERE id = $1";
        let (fee, share) = (row.default_fee.0, row.default_share.0);
        let tenant = self.0.tenant();
        let params = params![tenant, &row.name, fee, share, &row.locale, &row.time_zone];
        self.0.execute(sql, params).await?;
        Ok(())
    }
}

const SELECT: &str = "SELECT id, name, default_fee_bp, default_share_bp, locale, time_zone, \
                      created_at FROM tenants";

impl Tenants<'_> {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the name is taken.
    pub async fn insert(&mut self, row: &TenantRow) -> StoreResult<()> {
        let sql = "INSERT INTO tenants (id, name, default_fee_bp, default_share_bp, locale, \
                   time_zone, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (fee, share) = (row.default_fee.0, row.default_share.0);
        let params =
            params![row.id, &row.name, fee, share, &row.locale, &row.time_zone, row.created_at];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: TenantId) -> StoreResult<Option<TenantRow>> {
        let sql = text(SELECT, " WHERE id = $1");
        let row = self.0.fetch_built(sql, params![id]).await?;
        row.first().map(read).transpose()
    }

    /// One tenant by its name.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn by_name(&mut self, name: &str) -> StoreResult<Option<TenantRow>> {
        let sql = text(SELECT, " WHERE name = $1");
        let row = self.0.fetch_built(sql, params![name]).await?;
        row.first().map(read).transpose()
    }

    /// Every tenant, oldest first. They are few: each is a customer of the installation.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn all(&mut self) -> StoreResult<Vec<TenantRow>> {
        let rows = self.0.fetch_built(text(SELECT, " ORDER BY id"), params![]).await?;
        rows.iter().map(read).collect()
    }

    /// The tenant whose domain answers for `host`: its own name first, then `*`.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn by_host(&mut self, host: &str) -> StoreResult<Option<TenantId>> {
        let sql = "SELECT tenant_id FROM domains WHERE host IN ($1, '*') AND archived_at IS NULL \
                   ORDER BY CASE host WHEN '*' THEN 1 ELSE 0 END LIMIT 1";
        let row = self.0.fetch_optional(sql, params![host]).await?;
        row.map(|row| row.id("tenant_id")).transpose()
    }
}

fn text(select: &str, rest: &str) -> String {
    [select, rest].concat()
}

fn read(row: &Row) -> StoreResult<TenantRow> {
    Ok(TenantRow {
        id: row.id("id")?,
        name: row.string("name")?,
        default_fee: basis_points(row, "default_fee_bp")?,
        default_share: basis_points(row, "default_share_bp")?,
        locale: row.string("locale")?,
        time_zone: row.string("time_zone")?,
        created_at: row.at("created_at")?,
    })
}

/// A rate from a column of basis points.
pub(crate) fn basis_points(row: &Row, column: &str) -> StoreResult<BasisPoints> {
    let error =
        || crate::error::StoreError::Column { column: column.to_owned(), expected: "a rate" };
    u32::try_from(row.int(column)?).map(BasisPoints).map_err(|_| error())
}

impl Store {
    /// Makes what every installation has: the tenant `default`, its domain `*`, and the secrets.
    /// Where they exist, nothing changes. Returns the tenant.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`]; nothing is half made.
    pub async fn bootstrap(
        &self,
        now: Timestamp,
        rng: &mut (dyn RngCore + Send),
    ) -> StoreResult<TenantRow> {
        let mut batch = self.begin_batch().await?;
        let found = batch.tenants().by_name(DEFAULT_TENANT).await?;
        if let Some(tenant) = found {
            batch.cancel().await?;
            return Ok(tenant);
        }
        let tenant = TenantRow {
            id: TenantId::new(now, rng),
            name: DEFAULT_TENANT.to_owned(),
            default_fee: BasisPoints(2_000),
            default_share: BasisPoints::ZERO,
            locale: "ru-KZ".to_owned(),
            time_zone: "Asia/Almaty".to_owned(),
            created_at: now,
        };
        batch.tenants().insert(&tenant).await?;
        crate::secrets::make(&mut batch.sys(), now, rng).await?;
        let domain = DomainRow {
            id: DomainId::new(now, rng),
            host: "*".to_owned(),
            fallback_url: None,
            created_at: now,
            archived_at: None,
        };
        batch.domains(tenant.id).insert(&domain).await?;
        batch.save().await?;
        Ok(tenant)
    }
}
