//! What a person must settle.

use model::clock::Timestamp;
use model::id::CaseId;
use model::id::TenantId;
use serde_json::Value as Json;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

model::words! {
    /// What a case is about.
    pub enum CaseKind {
        /// Tax above a publisher's gross stands in `suspense`.
        TaxShortfall = "tax_shortfall",
        /// What a rail says of a payout is not what was asked.
        PayoutDifference = "payout_difference",
        /// Nobody knows what became of a payout.
        PayoutUnknown = "payout_unknown",
        /// Somebody owes more than their future earnings are expected to cover.
        DebtFloor = "debt_floor",
        /// News for a month that is locked.
        LockedPeriod = "locked_period",
    }
}

/// One case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRow {
    /// Its id.
    pub id: CaseId,
    /// What it is about.
    pub kind: CaseKind,
    /// Id of the object it is about.
    pub subject: String,
    /// JSON object for people.
    pub detail: Json,
    /// Since when.
    pub opened_at: Timestamp,
    /// Settled then.
    pub closed_at: Option<Timestamp>,
}

/// Repository of `cases`.
#[derive(Debug)]
pub struct Cases<'t>(Scope<'t>);

impl TenantTx {
    /// The cases of its tenant.
    pub const fn cases(&mut self) -> Cases<'_> {
        Cases(self.scope())
    }
}

impl BatchTx {
    /// The cases of one tenant.
    pub const fn cases(&mut self, tenant: TenantId) -> Cases<'_> {
        Cases(self.scope(tenant))
    }
}

impl Cases<'_> {
    /// Opens cases.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn open(&mut self, rows: &[CaseRow]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |row: &CaseRow| {
            params![
                tenant,
                row.id,
                row.kind.as_str(),
                &row.subject,
                row.detail.to_string(),
                row.opened_at,
                row.closed_at,
            ]
        };
        let columns = ["tenant_id", "id", "kind", "subject", "detail", "opened_at", "closed_at"];
        let rows = rows.iter().map(to_values).collect();
        self.0.insert_many("cases", &columns, rows, "").await.map(drop)
    }

    /// Opens a case unless one that says the same of the same object is open.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn open_once(&mut self, row: CaseRow) -> StoreResult<()> {
        let sql = "SELECT COUNT(*) AS n FROM cases WHERE tenant_id = $1 AND kind = $2 \
                   AND subject = $3 AND detail = $4 AND closed_at IS NULL";
        let detail = row.detail.to_string();
        let params = params![self.0.tenant(), row.kind.as_str(), &row.subject, detail];
        if self.0.fetch_one(sql, params).await?.int("n")? > 0 {
            return Ok(());
        }
        self.open(&[row]).await
    }

    /// Closes an open case with what a person says of it; absent where there is none.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn close(
        &mut self,
        id: CaseId,
        note: Json,
        now: Timestamp,
    ) -> StoreResult<Option<CaseRow>> {
        let open = self.list_open().await?.into_iter().find(|row| row.id == id);
        let Some(mut row) = open else { return Ok(None) };
        row.closed_at = Some(now);
        row.detail["closed"] = note;
        let sql = "UPDATE cases SET detail = $3, closed_at = $4 WHERE tenant_id = $1 AND id = $2";
        let params = params![self.0.tenant(), id, row.detail.to_string(), now];
        self.0.execute(sql, params).await?;
        Ok(Some(row))
    }

    /// Open cases, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list_open(&mut self) -> StoreResult<Vec<CaseRow>> {
        let sql = "SELECT * FROM cases WHERE tenant_id = $1 AND closed_at IS NULL ORDER BY id DESC";
        let read = |row: &Row| {
            Ok(CaseRow {
                id: row.id("id")?,
                kind: row.word("kind", CaseKind::parse)?,
                subject: row.string("subject")?,
                detail: row.json("detail")?,
                opened_at: row.at("opened_at")?,
                closed_at: row.opt_at("closed_at")?,
            })
        };
        self.0.fetch_all(sql, params![self.0.tenant()]).await?.iter().map(read).collect()
    }
}
