//! The outbox of outcomes: conversions after each change of status, in order, written in the
//! database transaction of the change itself.

use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::id::ConversionId;
use model::id::TenantId;
use serde_json::Value as Json;

use crate::conn::Scope;
use crate::conn::SysScope;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::unit::BatchTx;
use crate::unit::SysTx;

/// One change of one conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeRow {
    /// Rises with every change; not without holes.
    pub seq: i64,
    /// Whose.
    pub tenant: TenantId,
    /// Which conversion.
    pub conversion: ConversionId,
    /// Its status after the change.
    pub status: ConversionStatus,
    /// The conversion after the change.
    pub body: Json,
    /// When it changed.
    pub at: Timestamp,
}

/// What is to be told of one conversion.
#[derive(Debug, Clone)]
pub struct NewOutcome {
    /// Which conversion.
    pub conversion: ConversionId,
    /// Its status after the change.
    pub status: ConversionStatus,
    /// JSON text: the conversion after the change.
    pub body: String,
}

/// Writing half of `outcomes`.
#[derive(Debug)]
pub struct Outcomes<'t>(Scope<'t>);

/// Reading half of `outcomes`: what ships them spans tenants.
#[derive(Debug)]
pub struct OutcomesToShip<'t>(SysScope<'t>);

impl BatchTx {
    /// The outbox of one tenant.
    pub const fn outcomes(&mut self, tenant: TenantId) -> Outcomes<'_> {
        Outcomes(self.scope(tenant))
    }
}

impl SysTx {
    /// The outbox of all tenants.
    pub const fn outcomes_to_ship(&mut self) -> OutcomesToShip<'_> {
        OutcomesToShip(self.sys())
    }
}

impl Outcomes<'_> {
    /// Appends to the outbox.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, rows: Vec<NewOutcome>, at: Timestamp) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values =
            |row: NewOutcome| params![tenant, row.conversion, row.status.as_str(), row.body, at];
        let columns = ["tenant_id", "conversion_id", "status", "body", "at"];
        let rows = rows.into_iter().map(to_values).collect();
        self.0.insert_many("outcomes", &columns, rows, "").await.map(drop)
    }
}

impl OutcomesToShip<'_> {
    /// At most `limit` changes behind `seq`, in order: of each tenant the first ones, of these the
    /// first. Whoever writes changes holds the ledger, so that none with a lower `seq` appears
    /// later.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn after(&mut self, seq: i64, limit: u32) -> StoreResult<Vec<OutcomeRow>> {
        let sql = "SELECT * FROM outcomes WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let mut found = Vec::new();
        for tenant in self.0.fetch_all("SELECT id FROM tenants", Vec::new()).await? {
            let tenant: TenantId = tenant.id("id")?;
            let mut scope = self.0.scope(tenant);
            for row in scope.fetch_all(sql, params![tenant, seq, limit]).await? {
                found.push(read(&row)?);
            }
        }
        found.sort_unstable_by_key(|row| row.seq);
        found.truncate(limit as usize);
        Ok(found)
    }
}

fn read(row: &Row) -> StoreResult<OutcomeRow> {
    Ok(OutcomeRow {
        seq: row.int("seq")?,
        tenant: row.id("tenant_id")?,
        conversion: row.id("conversion_id")?,
        status: row.word("status", ConversionStatus::parse)?,
        body: row.json("body")?,
        at: row.at("at")?,
    })
}
