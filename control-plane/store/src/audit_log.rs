//! Who changed what.

use model::clock::Timestamp;

use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::json;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Rises with time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Id of a credential, or a program's own name.
    pub actor: String,
    /// What was done: `create`, `change`, `archive`, `kill`, …
    pub verb: String,
    /// The kind of object.
    pub object_kind: String,
    /// The object's id.
    pub object_id: String,
    /// What was sent, without secrets.
    pub detail: serde_json::Value,
}

repository! {
    /// Who changed what in the tenant.
    AuditLog = audit_log
}

impl AuditLog<'_> {
    /// Adds a row, in the database transaction of the change itself.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn write(&mut self, row: &LogRow) -> StoreResult<()> {
        let sql = "INSERT INTO audit_log (tenant_id, id, at, actor, verb, object_kind, object_id, \
                   detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let params = params![
            self.0.tenant(),
            &row.id,
            row.at,
            &row.actor,
            &row.verb,
            &row.object_kind,
            &row.object_id,
            json(&row.detail)
        ];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// Rows, newest first; of one object when one is named.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        object: Option<&str>,
        page: &PageAsk,
    ) -> StoreResult<Paged<LogRow>> {
        let select = "SELECT id, at, actor, verb, object_kind, object_id, detail FROM audit_log";
        let listing = Listing::of(select, self.0.tenant()).matching("object_id = ?", object);
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<LogRow> {
    Ok(LogRow {
        id: row.string("id")?,
        at: row.at("at")?,
        actor: row.string("actor")?,
        verb: row.string("verb")?,
        object_kind: row.string("object_kind")?,
        object_id: row.string("object_id")?,
        detail: row.json("detail")?,
    })
}
