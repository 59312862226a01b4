//! Moving a store to another engine: every table in the order in which rows refer to each other, in
//! bounded batches, and then counted and summed on both sides.
//!
//! The source is read as of one instant. The target must be empty: nothing is merged. Rows go
//! through the target's own rules, so a ledger that does not balance does not arrive.
//!
//! # Why a sum of hashes
//!
//! Two engines give rows in different orders and keep bytes in different forms. A hash of a row's
//! values, added up over the rows, depends on neither; one changed letter changes it.

use std::collections::BTreeSet;

use model::id::TenantId;

use crate::audit::NOBODY;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::Store;

mod tables;
mod walk;

use tables::TABLES;
use tables::Table;
use tables::Whose;
use walk::Walk;

/// Rows of one batch at most. A row of `inbound` has up to 64 KiB of body.
const ROWS_MAX: u32 = 500;

/// Rows of one table: how many, and their hashes added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableSum {
    /// How many.
    pub rows: u64,
    /// The first 128 bits of BLAKE3 over each row, added without carry out.
    pub sum: u128,
}

/// One table on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// What was read.
    pub source: TableSum,
    /// What stands in the target now, read back.
    pub target: TableSum,
}

impl CopiedTable {
    /// Whether both sides are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// Why nothing, or not everything, was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Nothing was changed.
    #[error("table {0} of the target has rows already")]
    NotEmpty(&'static str),
    /// Reading the source.
    #[error("the source cannot be read: {0}")]
    Source(#[source] StoreError),
    /// Writing or reading the target. What it holds is a part: drop it and begin anew.
    #[error("the target failed at table {table}: {error}")]
    Target {
        /// Which.
        table: &'static str,
        /// Why.
        #[source]
        error: StoreError,
    },
}

impl TableSum {
    fn add(&mut self, rows: &[Row]) {
        for row in rows {
            self.rows += 1;
            self.sum = self.sum.wrapping_add(hash(row));
        }
    }
}

/// Columns by name, so that their order does not matter.
fn hash(row: &Row) -> u128 {
    let mut cells: Vec<(&str, &Value)> = row.cells().collect();
    cells.sort_unstable_by_key(|(name, _)| *name);
    let mut hasher = blake3::Hasher::new();
    let mut part = |tag: u8, bytes: &[u8]| {
        hasher.update(&[tag]);
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for (name, value) in cells {
        part(b'c', name.as_bytes());
        match value {
            Value::Null => part(b'n', &[]),
            Value::Int(number) => part(b'i', &number.to_be_bytes()),
            Value::Text(text) => part(b't', text.as_bytes()),
            Value::Bytes(bytes) => part(b'b', bytes),
        }
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(first)
}

impl Store {
    /// Copies every row of `source` into this store, which has our schema and no rows. Tells of
    /// each table as it is done; what is told is also returned.
    ///
    /// # Errors
    /// [`CopyError`]. That both sides differ is an answer, not an error.
    pub async fn copy_from(
        &self,
        source: &Self,
        mut tell: impl FnMut(&CopiedTable),
    ) -> Result<Vec<CopiedTable>, CopyError> {
        self.refuse_rows().await?;
        let mut from = source.read_batch().await.map_err(CopyError::Source)?;
        let tenants = tenants(&mut from).await.map_err(CopyError::Source)?;
        self.make_months(&mut from, &tenants).await?;
        let mut copied = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let read = Box::pin(self.copy_table(&mut from, table, &tenants)).await?;
            copied.push(CopiedTable {
                name: table.name,
                source: read,
                target: TableSum::default(),
            });
        }
        from.cancel().await.map_err(CopyError::Source)?;
        let mut back = self.read_batch().await.map_err(|error| TABLES[0].target(error))?;
        for (table, copied) in TABLES.iter().zip(&mut copied) {
            let summed = sum(&mut back, table, &tenants).await;
            copied.target = summed.map_err(|error| table.target(error))?;
            tell(copied);
        }
        Ok(copied)
    }

    async fn refuse_rows(&self) -> Result<(), CopyError> {
        let mut tx = self.read_batch().await.map_err(|error| TABLES[0].target(error))?;
        let there = tenants(&mut tx).await.map_err(|error| TABLES[0].target(error))?;
        for table in TABLES {
            let summed = sum(&mut tx, table, &there).await;
            if summed.map_err(|error| table.target(error))?.rows > 0 {
                return Err(CopyError::NotEmpty(table.name));
            }
        }
        Ok(())
    }

    /// Copies one table; answers what was read.
    async fn copy_table(
        &self,
        from: &mut BatchTx,
        table: &'static Table,
        tenants: &[TenantId],
    ) -> Result<TableSum, CopyError> {
        let mut read = TableSum::default();
        let mut largest = 0;
        for standing in table.standings(tenants) {
            let mut walk = Walk::new(table, standing);
            loop {
                let rows = walk.next(from, ROWS_MAX).await.map_err(CopyError::Source)?;
                let Some(last) = rows.last() else { break };
                if table.is_numbered {
                    largest = largest.max(last.int("seq").map_err(CopyError::Source)?);
                }
                read.add(&rows);
                if table.is_carried {
                    continue;
                }
                let before = match table.before {
                    Some(before) => {
                        walk.referring(from, before, &rows).await.map_err(CopyError::Source)?
                    }
                    None => Vec::new(),
                };
                let written = self.write_rows(table, standing, (&before, &rows)).await;
                written.map_err(|error| table.target(error))?;
            }
        }
        if largest > 0 {
            let continued = self.continue_numbers(table.name, largest).await;
            continued.map_err(|error| table.target(error))?;
        }
        Ok(read)
    }

    /// Writes one batch. Rows of `table.before` go first, in the same unit of work.
    async fn write_rows(
        &self,
        table: &'static Table,
        standing: Option<TenantId>,
        (before, rows): (&[Row], &[Row]),
    ) -> StoreResult<()> {
        let mut to = self.begin_batch().await?;
        if let Some(name) = table.before {
            insert(&mut to, (name, ""), standing, before).await?;
        }
        insert(&mut to, (table.name, table.suffix), standing, rows).await?;
        to.save().await
    }
}

async fn insert(
    to: &mut BatchTx,
    (table, suffix): (&'static str, &'static str),
    standing: Option<TenantId>,
    rows: &[Row],
) -> StoreResult<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let columns: Vec<&str> = first.cells().map(|(name, _)| name).collect();
    let values = rows.iter().map(|row| row.cells().map(|(_, value)| value.clone()).collect());
    let values = values.collect();
    match standing {
        Some(tenant) => to.scope(tenant).insert_many(table, &columns, values, suffix).await?,
        None => to.sys().insert_many(table, &columns, values, suffix).await?,
    };
    Ok(())
}

async fn sum(
    tx: &mut BatchTx,
    table: &'static Table,
    tenants: &[TenantId],
) -> StoreResult<TableSum> {
    let mut sum = TableSum::default();
    for standing in table.standings(tenants) {
        let mut walk = Walk::new(table, standing);
        loop {
            let rows = walk.next(tx, ROWS_MAX).await?;
            if rows.is_empty() {
                break;
            }
            sum.add(&rows);
        }
    }
    Ok(sum)
}

/// Whose rows there are. Where no policy hides them, rows of a tenant that was never made are found
/// too.
async fn tenants(tx: &mut BatchTx) -> StoreResult<Vec<TenantId>> {
    let mut found = BTreeSet::from([NOBODY]);
    for row in tx.sys().fetch_all("SELECT id FROM tenants", Vec::new()).await? {
        found.insert(row.id("id")?);
    }
    for table in TABLES.iter().filter(|table| matches!(table.whose, Whose::Tenant)) {
        let sql = format!("SELECT DISTINCT tenant_id FROM {}", table.name);
        for row in tx.sys().fetch_built(sql, Vec::new()).await? {
            found.insert(row.id("tenant_id")?);
        }
    }
    Ok(found.into_iter().collect())
}
