//! Walking through a table by its key, a batch at a time.

use std::fmt::Write;

use model::clock::Timestamp;
use model::id::TenantId;

use super::CopyError;
use super::TABLES;
use super::Table;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::Engine;
use crate::unit::Store;

/// Where one walk is.
pub(super) struct Walk {
    table: &'static Table,
    standing: Option<TenantId>,
    /// The key of the last row.
    after: Vec<Value>,
    is_over: bool,
}

impl Walk {
    pub(super) const fn new(table: &'static Table, standing: Option<TenantId>) -> Self {
        Self { table, standing, after: Vec::new(), is_over: false }
    }

    /// The next rows; none at the end.
    pub(super) async fn next(&mut self, tx: &mut BatchTx, limit: u32) -> StoreResult<Vec<Row>> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let (sql, params) = self.statement(limit);
        let rows = fetch(tx, self.standing, sql, params).await?;
        self.is_over = rows.len() < limit as usize;
        if let Some(last) = rows.last() {
            self.after.clear();
            for key in self.table.keys {
                self.after.push(last.value(key)?.clone());
            }
        }
        Ok(rows)
    }

    fn statement(&self, limit: u32) -> (String, Vec<Value>) {
        let Table { name, keys, .. } = self.table;
        let mut sql = format!("SELECT * FROM {name}");
        let mut params: Vec<Value> = Vec::new();
        let mut begin = " WHERE";
        if let Some(tenant) = self.standing {
            params.push(Value::from(tenant));
            sql.push_str(" WHERE tenant_id = $1");
            begin = " AND";
        }
        let keys = keys.join(", ");
        if !self.after.is_empty() {
            let _ = write!(sql, "{begin} ({keys}) > (");
            for (position, value) in self.after.iter().enumerate() {
                params.push(value.clone());
                let comma = if position == 0 { "" } else { ", " };
                // Writing into a String cannot fail.
                let _ = write!(sql, "{comma}${}", params.len());
            }
            sql.push(')');
        }
        params.push(Value::from(limit));
        let _ = write!(sql, " ORDER BY {keys} LIMIT ${}", params.len());
        (sql, params)
    }

    /// Rows of `table` that refer to these transactions.
    pub(super) async fn referring(
        &self,
        tx: &mut BatchTx,
        table: &'static str,
        rows: &[Row],
    ) -> StoreResult<Vec<Row>> {
        let mut found = Vec::new();
        for rows in rows.chunks(KEYS_PER_STATEMENT) {
            let begin = format!("SELECT * FROM {table} WHERE tenant_id = $1");
            let mut statement = Statement::new(&begin, params![self.standing]);
            let mut ids = Vec::with_capacity(rows.len());
            for row in rows {
                ids.push(row.value("id")?.clone());
            }
            statement.among("AND transaction_id", ids);
            found.extend(fetch(tx, self.standing, statement.sql, statement.params).await?);
        }
        Ok(found)
    }
}

async fn fetch(
    tx: &mut BatchTx,
    standing: Option<TenantId>,
    sql: String,
    params: Vec<Value>,
) -> StoreResult<Vec<Row>> {
    match standing {
        Some(tenant) => tx.scope(tenant).fetch_built(sql, params).await,
        None => tx.sys().fetch_built(sql, params).await,
    }
}

impl Store {
    /// Makes the months that rows of the source stand in.
    pub(super) async fn make_months(
        &self,
        from: &mut BatchTx,
        tenants: &[TenantId],
    ) -> Result<(), CopyError> {
        let Engine::Postgres(postgres) = self.engine() else { return Ok(()) };
        let mut span: Option<(Timestamp, Timestamp)> = None;
        for tenant in tenants {
            for sql in [
                "SELECT MIN(received_at) AS first, MAX(received_at) AS last FROM inbound \
                 WHERE tenant_id = $1",
                "SELECT MIN(created_at) AS first, MAX(created_at) AS last FROM conversions \
                 WHERE tenant_id = $1",
                "SELECT MIN(at) AS first, MAX(at) AS last FROM transactions WHERE tenant_id = $1",
            ] {
                let row = from.scope(*tenant).fetch_one(sql, params![*tenant]).await;
                let row = row.map_err(CopyError::Source)?;
                let first = row.opt_at("first").map_err(CopyError::Source)?;
                let last = row.opt_at("last").map_err(CopyError::Source)?;
                let (Some(first), Some(last)) = (first, last) else { continue };
                let (from, to) = span.unwrap_or((first, last));
                span = Some((from.min(first), to.max(last)));
            }
        }
        let Some((first, last)) = span else { return Ok(()) };
        let made = postgres.make_months(first, last).await;
        made.map(drop).map_err(|error| TABLES[0].target(error))
    }

    /// Lets the engine count on behind the numbers that were copied.
    pub(super) async fn continue_numbers(
        &self,
        table: &'static str,
        largest: i64,
    ) -> StoreResult<()> {
        match self.engine() {
            Engine::Postgres(postgres) => postgres.continue_numbers(table, largest).await,
            // It counts on from the largest number there ever was.
            Engine::Sqlite(_) => Ok(()),
        }
    }
}
