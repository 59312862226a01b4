//! One open unit of work on whichever engine, and the few ways to run a statement in it.

use std::fmt::Write;

use model::id::TenantId;

use crate::error::StoreError;
use crate::error::StoreResult;
use crate::postgres::PgTx;
use crate::sql::Row;
use crate::sql::Value;
use crate::sqlite::SqliteTx;

/// Placeholders in one statement at most: SQLite allows 32,766.
const PLACEHOLDERS_MAX: usize = 30_000;

/// Row counts of multi-row statements. A few fixed sizes, so that their texts stay in the statement
/// cache.
const ROWS_PER_STATEMENT: [usize; 4] = [256, 32, 4, 1];

/// An open database transaction.
///
/// # Why futures of PostgreSQL are boxed
///
/// They are several times as large as those of SQLite, and every caller's future holds room for the
/// larger of the two. A statement that goes over a network does not feel one allocation.
#[derive(Debug)]
pub(crate) enum Conn {
    /// Embedded.
    Sqlite(SqliteTx),
    /// On more than one machine.
    Postgres(Box<PgTx>),
}

/// Whose statement it is; none: of rows that belong to no tenant. SQLite needs no telling:
/// statements name their tenant themselves.
type Standing = Option<TenantId>;

impl Conn {
    async fn run(&mut self, standing: Standing, sql: Sql, params: Vec<Value>) -> StoreResult<u64> {
        match self {
            Self::Sqlite(tx) => tx.execute(sql, params).await,
            Self::Postgres(tx) => {
                Box::pin(tx.stand(standing)).await?;
                Box::pin(tx.execute(sql, params)).await
            }
        }
    }

    async fn rows(
        &mut self,
        standing: Standing,
        sql: Sql,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => tx.fetch_all(sql, params).await,
            Self::Postgres(tx) => {
                Box::pin(tx.stand(standing)).await?;
                Box::pin(tx.fetch_all(sql, params)).await
            }
        }
    }

    pub(crate) async fn save(self) -> StoreResult<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => Box::pin(tx.commit()).await,
        }
    }

    pub(crate) async fn cancel(self) -> StoreResult<()> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await,
            Self::Postgres(tx) => Box::pin(tx.rollback()).await,
        }
    }
}

/// The text of a statement: written in the file that runs it, or built there from written pieces.
#[derive(Debug)]
pub(crate) enum Sql {
    Written(&'static str),
    Built(String),
}

/// Many rows of one table whose columns are set: their keys first, then their new values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManyRows {
    pub(crate) table: &'static str,
    pub(crate) keys: &'static [&'static str],
    pub(crate) values: &'static [&'static str],
}

/// Statements that belong to no tenant: look-ups before one is known, and what all share.
#[derive(Debug)]
pub struct SysScope<'t> {
    standing: Standing,
    conn: &'t mut Conn,
}

/// Statements of one tenant. Repositories are written over it and name `tenant_id` in each
/// statement.
#[derive(Debug)]
pub struct Scope<'t> {
    tenant: TenantId,
    sys: SysScope<'t>,
}

impl<'t> SysScope<'t> {
    pub(crate) const fn new(conn: &'t mut Conn) -> Self {
        Self { standing: None, conn }
    }

    /// The same unit of work for another repository.
    pub(crate) const fn again(&mut self) -> SysScope<'_> {
        SysScope { standing: self.standing, conn: self.conn }
    }

    /// The same unit of work, for one tenant.
    pub(crate) const fn scope(&mut self, tenant: TenantId) -> Scope<'_> {
        Scope::new(tenant, self.conn)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<u64> {
        self.conn.run(self.standing, Sql::Written(sql), params).await
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        self.conn.rows(self.standing, Sql::Written(sql), params).await
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Option<Row>> {
        Ok(self.fetch_all(sql, params).await?.into_iter().next())
    }

    pub(crate) async fn fetch_one(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Row> {
        self.fetch_optional(sql, params).await?.ok_or(StoreError::Missing)
    }

    /// For filters put together from written pieces. Values never stand in the text.
    pub(crate) async fn fetch_built(
        &mut self,
        sql: String,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        self.conn.rows(self.standing, Sql::Built(sql), params).await
    }

    /// As [`Self::fetch_built`], for changes.
    pub(crate) async fn execute_built(
        &mut self,
        sql: String,
        params: Vec<Value>,
    ) -> StoreResult<u64> {
        self.conn.run(self.standing, Sql::Built(sql), params).await
    }

    /// Inserts many rows in few statements. `suffix` is what stands behind the values, such as
    /// `ON CONFLICT DO NOTHING`. Returns how many rows were inserted. No two rows may meet in one
    /// key where the suffix changes what is there: PostgreSQL refuses that.
    pub(crate) async fn insert_many(
        &mut self,
        table: &'static str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &'static str,
    ) -> StoreResult<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        if let Conn::Postgres(tx) = self.conn {
            Box::pin(tx.stand(self.standing)).await?;
            return Box::pin(tx.insert_many((table, columns), rows, suffix)).await;
        }
        let mut inserted = 0;
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let count = rows_in_next_statement(rows.len(), columns.len());
            let sql = insert_text(table, columns, count, suffix);
            let params: Vec<Value> = rows.by_ref().take(count).flatten().collect();
            inserted += self.execute_built(sql, params).await?;
        }
        Ok(inserted)
    }
}

impl<'t> Scope<'t> {
    pub(crate) const fn new(tenant: TenantId, conn: &'t mut Conn) -> Self {
        Self { tenant, sys: SysScope { standing: Some(tenant), conn } }
    }

    /// Makes sure that nobody else writes the ledger until the unit of work ends.
    pub(crate) async fn hold_ledger(&mut self) -> StoreResult<()> {
        match self.sys.conn {
            // The only writer there is.
            Conn::Sqlite(_) => Ok(()),
            Conn::Postgres(tx) => Box::pin(tx.hold_ledger()).await,
        }
    }

    /// Whose statements these are.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<u64> {
        self.sys.execute(sql, params).await
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        self.sys.fetch_all(sql, params).await
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Option<Row>> {
        self.sys.fetch_optional(sql, params).await
    }

    pub(crate) async fn fetch_one(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> StoreResult<Row> {
        self.sys.fetch_one(sql, params).await
    }

    pub(crate) async fn fetch_built(
        &mut self,
        sql: String,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        self.sys.fetch_built(sql, params).await
    }

    pub(crate) async fn execute_built(
        &mut self,
        sql: String,
        params: Vec<Value>,
    ) -> StoreResult<u64> {
        self.sys.execute_built(sql, params).await
    }

    /// Whether a column of many rows can be one placeholder.
    pub(crate) const fn takes_arrays(&self) -> bool {
        matches!(self.sys.conn, Conn::Postgres(_))
    }

    /// Sets values of many rows by their keys in one statement, where the engine takes arrays;
    /// elsewhere nothing. Returns how many rows were found.
    pub(crate) async fn update_many(
        &mut self,
        many: ManyRows,
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<u64> {
        match &mut self.sys.conn {
            Conn::Postgres(tx) if !rows.is_empty() => {
                Box::pin(tx.stand(Some(self.tenant))).await?;
                Box::pin(tx.update_many(many, rows)).await
            }
            _ => Ok(0),
        }
    }

    /// See [`SysScope::insert_many`].
    pub(crate) async fn insert_many(
        &mut self,
        table: &'static str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &'static str,
    ) -> StoreResult<u64> {
        self.sys.insert_many(table, columns, rows, suffix).await
    }
}

fn rows_in_next_statement(rows: usize, columns: usize) -> usize {
    let most = PLACEHOLDERS_MAX / columns.max(1);
    ROWS_PER_STATEMENT.into_iter().find(|&size| size <= rows && size <= most).unwrap_or(1)
}

fn insert_text(table: &str, columns: &[&str], rows: usize, suffix: &str) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns.len() {
            let comma = if column == 0 { "" } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(sql, "{comma}${}", row * columns.len() + column + 1);
        }
        sql.push(')');
    }
    if !suffix.is_empty() {
        sql.push(' ');
        sql.push_str(suffix);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_need_few_statements_of_few_shapes() {
        assert_eq!(rows_in_next_statement(1000, 10), 256);
        assert_eq!(rows_in_next_statement(255, 10), 32);
        assert_eq!(rows_in_next_statement(3, 10), 1);
        assert_eq!(rows_in_next_statement(1000, 1000), 4);
        assert_eq!(
            insert_text("t", &["a", "b"], 2, "ON CONFLICT DO NOTHING"),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
    }
}
