//! What the catalog log still has to be told. A row is written in the database transaction of the
//! change itself, so a change is never saved without its news, and news never without its change.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::TenantId;

use crate::conn::Scope;
use crate::conn::SysScope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Value;
use crate::unit::SysTx;

/// One object that has changed. What it is now is read when it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Rises in the order in which changes were saved.
    pub seq: i64,
    /// The kind of object.
    pub kind: CatalogKind,
    /// Whose; absent for the secrets, which belong to no tenant.
    pub tenant: Option<TenantId>,
    /// The object's id as text.
    pub object_id: String,
}

/// The outbox as its publisher sees it: over all tenants.
#[derive(Debug)]
pub struct CatalogOutbox<'t>(SysScope<'t>);

impl SysTx {
    /// What is not published yet.
    pub const fn catalog_outbox(&mut self) -> CatalogOutbox<'_> {
        CatalogOutbox(self.sys())
    }
}

impl CatalogOutbox<'_> {
    /// The oldest rows, at most `limit`, in the order of their changes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn oldest(&mut self, limit: u32) -> StoreResult<Vec<Changed>> {
        let sql =
            "SELECT seq, kind, tenant_id, object_id FROM catalog_outbox ORDER BY seq LIMIT $1";
        let rows = self.0.fetch_all(sql, params![limit]).await?;
        rows.iter()
            .map(|row| {
                let tenant = row.text("tenant_id")?;
                let column =
                    || StoreError::Column { column: "tenant_id".to_owned(), expected: "an id" };
                let tenant = match tenant {
                    "" => None,
                    text => Some(text.parse().map_err(|_| column())?),
                };
                Ok(Changed {
                    seq: row.int("seq")?,
                    kind: row.word("kind", CatalogKind::parse)?,
                    tenant,
                    object_id: row.string("object_id")?,
                })
            })
            .collect()
    }

    /// Forgets rows that are on the log now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget(&mut self, changes: &[Changed]) -> StoreResult<()> {
        for changes in changes.chunks(KEYS_PER_STATEMENT) {
            let mut statement = Statement::new("DELETE FROM catalog_outbox WHERE", Vec::new());
            statement.among("seq", changes.iter().map(|change| Value::Int(change.seq)));
            self.0.execute_built(statement.sql, statement.params).await?;
        }
        Ok(())
    }
}

/// Notes that one object of the scope's tenant has changed.
pub(crate) async fn changed(
    scope: &mut Scope<'_>,
    kind: CatalogKind,
    object_id: impl Into<Value>,
    now: Timestamp,
) -> StoreResult<()> {
    let sql = "INSERT INTO catalog_outbox (kind, tenant_id, object_id, created_at) \
               VALUES ($1, $2, $3, $4)";
    let tenant = scope.tenant();
    scope.execute(sql, params![kind.as_str(), tenant, object_id.into(), now]).await?;
    Ok(())
}

/// Notes that every object a condition finds has changed. `condition` continues a WHERE over one
/// table of the tenant; `?` stands for `value`.
pub(crate) async fn all_changed(
    scope: &mut Scope<'_>,
    kind: CatalogKind,
    (table, condition): (&'static str, &'static str),
    value: impl Into<Value>,
    now: Timestamp,
) -> StoreResult<()> {
    let condition = condition.replace('?', "$4");
    let sql = format!(
        "INSERT INTO catalog_outbox (kind, tenant_id, object_id, created_at) \
         SELECT $1, tenant_id, id, $3 FROM {table} WHERE tenant_id = $2 AND {condition} ORDER BY id"
    );
    let tenant = scope.tenant();
    scope.execute_built(sql, params![kind.as_str(), tenant, now, value.into()]).await?;
    Ok(())
}

/// Notes that the secrets have changed.
pub(crate) async fn secrets_changed(sys: &mut SysScope<'_>, now: Timestamp) -> StoreResult<()> {
    let sql = "INSERT INTO catalog_outbox (kind, tenant_id, object_id, created_at) \
               VALUES ($1, '', '', $2)";
    sys.execute(sql, params![CatalogKind::Secrets.as_str(), now]).await?;
    Ok(())
}
