//! Rows of any table as plain values, and two ways to insert them without any logic.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use model::id::TenantId;
use sqlx::Column;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::Row;
use sqlx::Sqlite;
use sqlx::SqliteConnection;
use sqlx::TypeInfo;
use sqlx::ValueRef;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqliteRow;
use sqlx::sqlite::SqliteSynchronous;

use crate::clock;

/// Values bound to one statement at most.
const BOUND_MAX: usize = 8_000;

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// What a run added or changed, by table.
#[derive(Debug)]
pub(super) struct Rows(Vec<Table>);

/// The tenant of the shop: the only one there is.
pub(super) async fn tenant(path: &Path) -> anyhow::Result<TenantId> {
    let mut connection = open(path).await?;
    let id: String =
        sqlx::query_scalar("SELECT tenant_id FROM offers").fetch_one(&mut connection).await?;
    connection.close().await?;
    id.parse().context("a tenant id")
}

/// As the store opens it, without foreign keys.
async fn open(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .pragma("mmap_size", "0")
        .pragma("cache_size", "-8192")
        .statement_cache_capacity(512);
    Ok(options.connect().await?)
}

impl Rows {
    /// The rows of the database at `path` that the one at `base` does not have.
    pub(super) async fn read(path: &Path, base: &Path) -> anyhow::Result<Self> {
        let mut connection = open(path).await?;
        sqlx::query("ATTACH $1 AS base")
            .bind(base.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await?;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name NOT LIKE '_sqlx_%'",
        )
        .fetch_all(&mut connection)
        .await?;
        let mut tables = Vec::new();
        for name in names {
            let sql = format!("SELECT * FROM main.{name} EXCEPT SELECT * FROM base.{name}");
            let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
            let Some(first) = found.first() else { continue };
            let columns = first.columns().iter().map(|column| column.name().to_owned()).collect();
            let rows = found.iter().map(cells).collect::<anyhow::Result<_>>()?;
            tables.push(Table { name, columns, rows });
        }
        connection.close().await?;
        Ok(Self(tables))
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|table| table.rows.len()).sum()
    }

    /// Inserts everything with one commit for each of `batches` parts, many rows per statement.
    pub(super) async fn insert_batched(
        &self,
        path: &Path,
        batches: usize,
    ) -> anyhow::Result<Duration> {
        let mut connection = stripped(path).await?;
        let mut texts = HashMap::new();
        let begin = clock::now();
        for batch in 0..batches {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
            for table in &self.0 {
                let rows = part(&table.rows, batch, batches);
                let chunk = (BOUND_MAX / table.columns.len()).max(1);
                for rows in rows.chunks(chunk) {
                    insert(table, rows, &mut texts, &mut tx).await?;
                }
            }
            tx.commit().await?;
        }
        let spent = begin.elapsed();
        connection.close().await?;
        Ok(spent)
    }

    /// Inserts the rows of the first `count` of `of` conversions, one statement per row, one commit
    /// per conversion.
    pub(super) async fn insert_singly(
        &self,
        path: &Path,
        count: usize,
        of: usize,
    ) -> anyhow::Result<Duration> {
        let mut connection = stripped(path).await?;
        let mut texts = HashMap::new();
        let begin = clock::now();
        for conversion in 0..count {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
            for table in &self.0 {
                for row in part(&table.rows, conversion, of) {
                    insert(table, std::slice::from_ref(row), &mut texts, &mut tx).await?;
                }
            }
            tx.commit().await?;
        }
        let spent = begin.elapsed();
        connection.close().await?;
        Ok(spent)
    }
}

/// The `number`th of `of` equal parts.
fn part<T>(rows: &[T], number: usize, of: usize) -> &[T] {
    &rows[rows.len() * number / of..rows.len() * (number + 1) / of]
}

/// A connection to a database without triggers: no logic is part of this arm.
async fn stripped(path: &Path) -> anyhow::Result<SqliteConnection> {
    let mut connection = open(path).await?;
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .fetch_all(&mut connection)
            .await?;
    for name in triggers {
        let sql = format!("DROP TRIGGER {name}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    Ok(connection)
}

async fn insert(
    table: &Table,
    rows: &[Vec<Cell>],
    texts: &mut HashMap<(String, usize), String>,
    connection: &mut SqliteConnection,
) -> anyhow::Result<()> {
    let text = texts
        .entry((table.name.clone(), rows.len()))
        .or_insert_with(|| statement(table, rows.len()))
        .clone();
    let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
    for cell in rows.iter().flatten() {
        query = bind(query, cell);
    }
    query.execute(connection).await?;
    Ok(())
}

/// Rows that were there before a run and changed in it are replaced.
fn statement(table: &Table, rows: usize) -> String {
    let one = format!("({})", vec!["?"; table.columns.len()].join(","));
    let (name, columns) = (&table.name, table.columns.join(","));
    format!("INSERT OR REPLACE INTO {name} ({columns}) VALUES {}", vec![one; rows].join(","))
}

fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    cell: &Cell,
) -> Query<'q, Sqlite, SqliteArguments> {
    match cell {
        Cell::Null => query.bind(Option::<i64>::None),
        Cell::Int(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.clone()),
        Cell::Bytes(bytes) => query.bind(bytes.clone()),
    }
}

fn cells(row: &SqliteRow) -> anyhow::Result<Vec<Cell>> {
    (0..row.columns().len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            let kind = value.type_info().name().to_owned();
            Ok(match (value.is_null(), kind.as_str()) {
                (true, _) => Cell::Null,
                (false, "TEXT") => Cell::Text(row.try_get(at)?),
                (false, "BLOB") => Cell::Bytes(row.try_get(at)?),
                (false, _) => Cell::Int(row.try_get(at)?),
            })
        })
        .collect()
}
