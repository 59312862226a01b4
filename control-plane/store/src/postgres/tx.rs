//! One open database transaction: whose rows it sees, what it runs, how it ends.

use std::fmt::Write;
use std::sync::Arc;

use model::id::TenantId;
use sqlx::AssertSqlSafe;
use sqlx::Column;
use sqlx::Postgres;
use sqlx::Row as _;
use sqlx::Transaction;
use sqlx::TypeInfo;
use sqlx::postgres::PgArguments;
use sqlx::postgres::PgRow;

use super::Lock;
use super::facts::Facts;
use super::value::Kind;
use super::value::Param;
use super::value::read_value;
use crate::conn::ManyRows;
use crate::conn::Sql;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;

/// Rows of one multi-row INSERT at most.
const ROWS_PER_STATEMENT: usize = 2048;

/// See the module.
#[derive(Debug)]
pub(crate) struct PgTx {
    tx: Transaction<'static, Postgres>,
    facts: Arc<Facts>,
    /// Whose rows the policies let through now.
    tenant: Option<TenantId>,
    holds_ledger: bool,
    /// A statement failed or was given up. The server then ends the database transaction whatever
    /// is asked of it, and would answer a COMMIT without an error.
    has_failed: bool,
}

impl PgTx {
    pub(super) const fn new(tx: Transaction<'static, Postgres>, facts: Arc<Facts>) -> Self {
        Self { tx, facts, tenant: None, holds_ledger: false, has_failed: false }
    }

    /// Waits for a lock and holds it to the end.
    pub(super) async fn lock(&mut self, lock: Lock) -> StoreResult<()> {
        match lock {
            Lock::None => Ok(()),
            Lock::Tenant(tenant) => {
                let sql = "SELECT set_config('app.tenant', $1, true), \
                           pg_advisory_xact_lock(1735224578, ($2::BIGINT)::INTEGER)";
                self.execute(Sql::Written(sql), params![tenant, folded(tenant)]).await?;
                self.tenant = Some(tenant);
                Ok(())
            }
            Lock::Ledger if self.holds_ledger => Ok(()),
            Lock::Ledger => {
                let sql = "SELECT pg_advisory_xact_lock(1735224577, 1)";
                self.execute(Sql::Written(sql), Vec::new()).await?;
                self.holds_ledger = true;
                Ok(())
            }
        }
    }

    /// The ledger's lock, for whoever writes it in a unit of work of one tenant.
    pub(crate) async fn hold_ledger(&mut self) -> StoreResult<()> {
        self.lock(Lock::Ledger).await
    }

    /// Names the tenant whose statements follow; none for rows that belong to none. Local to this
    /// database transaction, and bound as a value.
    pub(crate) async fn stand(&mut self, tenant: Option<TenantId>) -> StoreResult<()> {
        if self.tenant == tenant {
            return Ok(());
        }
        let named = tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
        let sql = "SELECT set_config('app.tenant', $1, true)";
        self.execute(Sql::Written(sql), params![named]).await?;
        self.tenant = tenant;
        Ok(())
    }

    pub(crate) async fn execute(&mut self, sql: Sql, params: Vec<Value>) -> StoreResult<u64> {
        self.run(sql, arguments(params.into_iter().map(Param::One))?).await
    }

    async fn run(&mut self, sql: Sql, arguments: PgArguments) -> StoreResult<u64> {
        self.refuse_after_failure()?;
        self.has_failed = true;
        let done = match sql {
            Sql::Written(text) => sqlx::query_with(text, arguments).execute(&mut *self.tx).await,
            Sql::Built(text) => {
                sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *self.tx).await
            }
        };
        let done = done.map_err(|error| self.facts.error(error))?;
        self.has_failed = false;
        Ok(done.rows_affected())
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: Sql,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        self.refuse_after_failure()?;
        let arguments = arguments(params.into_iter().map(Param::One))?;
        self.has_failed = true;
        let rows = match sql {
            Sql::Written(text) => sqlx::query_with(text, arguments).fetch_all(&mut *self.tx).await,
            Sql::Built(text) => {
                sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(&mut *self.tx).await
            }
        };
        let rows = rows.map_err(|error| self.facts.error(error))?;
        self.has_failed = false;
        read_rows(&rows)
    }

    /// Inserts many rows, one array per column: the text of the statement does not depend on how
    /// many.
    pub(crate) async fn insert_many(
        &mut self,
        (table, columns): (&'static str, &[&str]),
        rows: Vec<Vec<Value>>,
        suffix: &'static str,
    ) -> StoreResult<u64> {
        let kinds = self.kinds(table, columns)?;
        let from = unnest(&kinds);
        let names = columns.join(", ");
        let sql = format!("INSERT INTO {table} ({names}) SELECT * FROM {from} {suffix}");
        self.run_arrays(&sql, &kinds, rows).await
    }

    /// Sets values of many rows by their keys.
    pub(crate) async fn update_many(
        &mut self,
        ManyRows { table, keys, values }: ManyRows,
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<u64> {
        let columns = [keys, values].concat();
        let kinds = self.kinds(table, &columns)?;
        let (from, names) = (unnest(&kinds), columns.join(", "));
        let sets: Vec<String> = values.iter().map(|name| format!("{name} = new.{name}")).collect();
        let meets: Vec<String> =
            keys.iter().map(|name| format!("{table}.{name} = new.{name}")).collect();
        let (sets, meets) = (sets.join(", "), meets.join(" AND "));
        let sql = format!("UPDATE {table} SET {sets} FROM {from} AS new ({names}) WHERE {meets}");
        self.run_arrays(&sql, &kinds, rows).await
    }

    fn kinds(&self, table: &str, columns: &[&str]) -> StoreResult<Vec<Kind>> {
        columns.iter().map(|column| self.facts.kind(table, column)).collect()
    }

    /// Runs a statement whose placeholders are the columns of `rows`.
    async fn run_arrays(
        &mut self,
        sql: &str,
        kinds: &[Kind],
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<u64> {
        let mut affected = 0;
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let count = rows.len().min(ROWS_PER_STATEMENT);
            let mut arrays: Vec<Vec<Value>> =
                kinds.iter().map(|_| Vec::with_capacity(count)).collect();
            for row in rows.by_ref().take(count) {
                for (array, value) in arrays.iter_mut().zip(row) {
                    array.push(value);
                }
            }
            let arrays = kinds.iter().zip(arrays).map(|(kind, array)| Param::Many(*kind, array));
            affected += self.run(Sql::Built(sql.to_owned()), arguments(arrays)?).await?;
        }
        Ok(affected)
    }

    fn refuse_after_failure(&self) -> StoreResult<()> {
        if self.has_failed { Err(StoreError::Failed) } else { Ok(()) }
    }

    pub(crate) async fn commit(self) -> StoreResult<()> {
        if self.has_failed {
            self.tx.rollback().await?;
            return Err(StoreError::Failed);
        }
        self.tx.commit().await.map_err(|error| self.facts.error(error))
    }

    pub(crate) async fn rollback(self) -> StoreResult<()> {
        Ok(self.tx.rollback().await?)
    }
}

/// `UNNEST($1::TEXT[], $2::BIGINT[])`.
fn unnest(kinds: &[Kind]) -> String {
    let mut text = "UNNEST(".to_owned();
    for (position, kind) in kinds.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ = write!(text, "{comma}${}::{}[]", position + 1, kind.name());
    }
    text.push(')');
    text
}

/// A tenant's key among the advisory locks. Two tenants with one key wait for each other and are
/// right all the same.
fn folded(tenant: TenantId) -> i64 {
    let mut key = 0_i32;
    for part in tenant.0.to_be_bytes().chunks_exact(4) {
        key ^= part.try_into().map_or(0, i32::from_be_bytes);
    }
    i64::from(key)
}

fn arguments(params: impl Iterator<Item = Param>) -> StoreResult<PgArguments> {
    let mut arguments = PgArguments::default();
    for param in params {
        sqlx::Arguments::add(&mut arguments, param).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn read_rows(rows: &[PgRow]) -> StoreResult<Vec<Row>> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns: Arc<[Box<str>]> =
        first.columns().iter().map(|column| Box::from(column.name())).collect();
    let kinds: Vec<&str> = first.columns().iter().map(|column| column.type_info().name()).collect();
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mut values = Vec::with_capacity(columns.len());
        for (position, kind) in kinds.iter().enumerate() {
            let value = read_value(&row.try_get_raw(position)?, kind);
            let expected = "a number, text or bytes";
            let wrong = || StoreError::Column { column: columns[position].to_string(), expected };
            values.push(value.ok_or_else(wrong)?);
        }
        found.push(Row::new(Arc::clone(&columns), values));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_array_per_column() {
        let text = unnest(&[Kind::Text, Kind::Int, Kind::Bytes]);
        assert_eq!(text, "UNNEST($1::TEXT[], $2::BIGINT[], $3::BYTEA[])");
    }

    #[test]
    fn a_lock_of_a_tenant_is_a_number_of_32_bits() {
        for tenant in [TenantId(0), TenantId(1), TenantId(u128::MAX >> 1)] {
            assert!(i32::try_from(folded(tenant)).is_ok());
        }
        assert_ne!(folded(TenantId(1)), folded(TenantId(2)));
    }
}
