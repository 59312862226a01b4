//! The embedded engine: one writer connection, a few readers, WAL, every commit synced.
//!
//! # Why one writer
//!
//! SQLite has one writer at a time whatever the pool says. With one connection the waiting happens
//! in our queue, in order, and not in `busy_timeout`; and `BEGIN IMMEDIATE` never fails half-way
//! through a unit of work.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Column;
use sqlx::Row as _;
use sqlx::Sqlite;
use sqlx::SqlitePool;
use sqlx::Transaction;
use sqlx::TypeInfo;
use sqlx::ValueRef;
use sqlx::sqlite::SqliteArguments;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::sqlite::SqliteRow;
use sqlx::sqlite::SqliteSynchronous;

use crate::conn::Sql;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::sql::Row;
use crate::sql::Value;

/// Connections that only read.
const READERS_MAX: u32 = 4;
/// How long a statement waits for a lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statement texts kept prepared per connection.
const STATEMENTS_MAX: usize = 512;
/// How long a unit of work waits for its connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Both pools of one database file.
#[derive(Debug, Clone)]
pub(crate) struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// One open database transaction.
#[derive(Debug)]
pub(crate) struct SqliteTx(Transaction<'static, Sqlite>);

impl SqliteStore {
    /// Opens or creates the file, and refuses engines with known faults.
    pub(crate) async fn open(url: &str) -> StoreResult<Self> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(StoreError::Url("an in-memory database loses money at exit"));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS_MAX)
            .pragma("recursive_triggers", "ON")
            .pragma("mmap_size", "0")
            .pragma("trusted_schema", "OFF")
            .pragma("cache_size", "-8192");
        let pool = |size: u32| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .min_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&writer).await?;
        if !is_sound(&version) {
            let needed = "3.51.3 or later, but not 3.52.0, is needed";
            return Err(StoreError::Version { found: format!("SQLite {version}"), needed });
        }
        let readers = pool(READERS_MAX).connect_lazy_with(options);
        Ok(Self { writer, readers })
    }

    pub(crate) async fn migrate(&self) -> StoreResult<()> {
        sqlx::migrate!("migrations/sqlite").run(&self.writer).await.map_err(StoreError::Migration)
    }

    /// The highest migration that was applied; 0 for an empty database.
    pub(crate) async fn schema_version(&self) -> StoreResult<i64> {
        let table = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
        let tables: i64 = sqlx::query_scalar(table).fetch_one(&self.writer).await?;
        if tables == 0 {
            return Ok(0);
        }
        let highest = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
        Ok(sqlx::query_scalar(highest).fetch_one(&self.writer).await?)
    }

    /// The highest migration this program brings.
    pub(crate) fn schema_needed() -> i64 {
        sqlx::migrate!("migrations/sqlite").iter().map(|step| step.version).max().unwrap_or(0)
    }

    pub(crate) async fn begin(&self) -> StoreResult<SqliteTx> {
        Ok(SqliteTx(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    pub(crate) async fn read(&self) -> StoreResult<SqliteTx> {
        Ok(SqliteTx(self.readers.begin_with("BEGIN DEFERRED").await?))
    }

    /// A consistent copy of the whole database into a new file.
    pub(crate) async fn copy_to(&self, path: &Path) -> StoreResult<()> {
        let target = path.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO $1").bind(target).execute(&self.readers).await?;
        Ok(())
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl SqliteTx {
    pub(crate) async fn execute(&mut self, sql: Sql, params: Vec<Value>) -> StoreResult<u64> {
        let done = match sql {
            Sql::Written(text) => bind(sqlx::query(text), params).execute(&mut *self.0).await?,
            Sql::Built(text) => {
                let query = sqlx::query(sqlx::AssertSqlSafe(without_names(text)));
                bind(query, params).execute(&mut *self.0).await?
            }
        };
        Ok(done.rows_affected())
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: Sql,
        params: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        let rows = match sql {
            Sql::Written(text) => bind(sqlx::query(text), params).fetch_all(&mut *self.0).await?,
            Sql::Built(text) => {
                let query = sqlx::query(sqlx::AssertSqlSafe(without_names(text)));
                bind(query, params).fetch_all(&mut *self.0).await?
            }
        };
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let columns: Arc<[Box<str>]> =
            first.columns().iter().map(|column| Box::from(column.name())).collect();
        rows.iter().map(|row| read_row(&columns, row)).collect()
    }

    pub(crate) async fn commit(self) -> StoreResult<()> {
        Ok(self.0.commit().await?)
    }

    pub(crate) async fn rollback(self) -> StoreResult<()> {
        Ok(self.0.rollback().await?)
    }
}

/// `$1, $2, …` as `?, ?, …` where each stands once and in order.
///
/// SQLite takes `$1` for a name and finds the name of a placeholder by walking through all of them,
/// once per value: a statement of ten thousand values spends nine tenths of its time there.
fn without_names(text: String) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('$');
    plain.push_str(parts.next().unwrap_or_default());
    for (position, part) in parts.enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        if number.parse() != Ok(position + 1) {
            return text;
        }
        plain.push('?');
        plain.push_str(rest);
    }
    plain
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn bind(mut query: Query<'_>, params: Vec<Value>) -> Query<'_> {
    for param in params {
        query = match param {
            Value::Null => query.bind(None::<i64>),
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value.into_owned()),
            Value::Bytes(value) => query.bind(value),
        };
    }
    query
}

fn read_row(columns: &Arc<[Box<str>]>, row: &SqliteRow) -> StoreResult<Row> {
    let mut values = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter().enumerate() {
        let raw = row.try_get_raw(position)?;
        let value = if raw.is_null() {
            Value::Null
        } else {
            match raw.type_info().name() {
                "INTEGER" | "BOOLEAN" => Value::Int(row.try_get_unchecked(position)?),
                "TEXT" => Value::Text(row.try_get_unchecked::<String, _>(position)?.into()),
                "BLOB" => Value::Bytes(row.try_get_unchecked(position)?),
                _ => {
                    let expected = "a number, text or bytes";
                    return Err(StoreError::Column { column: column.to_string(), expected });
                }
            }
        };
        values.push(value);
    }
    Ok(Row::new(Arc::clone(columns), values))
}

/// 3.7.0 to 3.51.2 can corrupt a database when two connections meet a WAL reset; 3.52.0 was
/// withdrawn.
fn is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let version = (next(), next(), next());
    version >= (3, 51, 3) && version != (3, 52, 0)
}

#[cfg(test)]
mod tests {
    use super::is_sound;
    use super::without_names;

    #[test]
    fn placeholders_lose_their_names_where_nothing_needs_them() {
        for (text, plain) in [
            ("INSERT INTO t VALUES ($1, $2), ($3, $4)", "INSERT INTO t VALUES (?, ?), (?, ?)"),
            ("SELECT 1", "SELECT 1"),
            ("a = $1 AND b = $1", "a = $1 AND b = $1"),
            ("a = $2 AND b = $1", "a = $2 AND b = $1"),
            ("a = $1 AND b = '$'", "a = $1 AND b = '$'"),
        ] {
            assert_eq!(without_names(text.to_owned()), plain);
        }
    }

    #[test]
    fn engines_that_lose_data_are_refused() {
        for (version, sound) in
            [("3.51.3", true), ("3.51.2", false), ("3.52.0", false), ("3.53.1", true), ("", false)]
        {
            assert_eq!(is_sound(version), sound, "{version}");
        }
    }
}
