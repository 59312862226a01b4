//! The two schemas are one: the same tables, columns, NULLs, keys and references.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Place;
use crate::sql::Row;
use crate::unit::Store;

/// One table, in words that both engines have.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// Name, type and whether NULL may stand there, in order.
    columns: Vec<(String, String, bool)>,
    primary: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    /// Columns, the table they refer to, and the columns there.
    foreign: BTreeSet<(Vec<String>, String, Vec<String>)>,
    checks: i64,
}

fn texts(rows: &[Row], column: &str) -> Vec<String> {
    rows.iter().map(|row| row.string(column).expect(column)).collect()
}

async fn look(store: &Store, sql: &str) -> Vec<Row> {
    store.peek(sql).await.expect(sql)
}

async fn of_sqlite(store: &Store) -> BTreeMap<String, Table> {
    let names = "SELECT name, sql FROM sqlite_master WHERE type = 'table' \
                 AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
    let mut tables = BTreeMap::new();
    for row in look(store, names).await {
        let (name, sql) = (row.string("name").expect("name"), row.string("sql").expect("sql"));
        let checks = i64::try_from(sql.matches("CHECK (").count()).expect("few");
        let mut table = Table { checks, ..Table::default() };
        let mut primary = Vec::new();
        for row in look(store, &format!("PRAGMA table_info({name})")).await {
            let column = row.string("name").expect("name");
            let kind = match row.text("type").expect("type") {
                "INTEGER" | "BIGINT" => "bigint",
                "TEXT" => "text",
                "BLOB" => "bytea",
                other => panic!("{name}.{column} is {other}"),
            };
            let place = row.int("pk").expect("pk");
            let may_be_null = row.int("notnull").expect("notnull") == 0 && place == 0;
            table.columns.push((column.clone(), kind.to_owned(), may_be_null));
            if place > 0 {
                primary.push((place, column));
            }
        }
        primary.sort();
        table.primary = primary.into_iter().map(|(_, column)| column).collect();
        for row in look(store, &format!("PRAGMA index_list({name})")).await {
            if row.text("origin").expect("origin") == "u" {
                let index = row.string("name").expect("name");
                let rows = look(store, &format!("PRAGMA index_info({index})")).await;
                table.unique.insert(texts(&rows, "name"));
            }
        }
        let mut foreign: BTreeMap<i64, (Vec<String>, String, Vec<String>)> = BTreeMap::new();
        for row in look(store, &format!("PRAGMA foreign_key_list({name})")).await {
            let entry = foreign.entry(row.int("id").expect("id")).or_default();
            entry.0.push(row.string("from").expect("from"));
            entry.1 = row.string("table").expect("table");
            entry.2.push(row.string("to").expect("to"));
        }
        table.foreign = foreign.into_values().collect();
        tables.insert(name, table);
    }
    tables
}

const COLUMNS: &str = "SELECT c.relname::TEXT AS of_table, a.attname::TEXT AS of_column, \
     format_type(a.atttypid, NULL) AS kind, CASE WHEN a.attnotnull THEN 1 ELSE 0 END AS is_needed, \
     COALESCE(l.collname::TEXT, '') AS collated \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_collation l ON l.oid = a.attcollation \
     WHERE n.nspname IN ('public', 'sys') AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
     AND c.relname <> '_sqlx_migrations' AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY c.relname, a.attnum";

const CONSTRAINTS: &str = "SELECT c.relname::TEXT AS of_table, x.contype::TEXT AS kind, \
     COALESCE(r.relname::TEXT, '') AS to_table, \
     COALESCE((SELECT string_agg(a.attname::TEXT, ',' ORDER BY k.place) \
     FROM unnest(x.conkey) WITH ORDINALITY AS k (number, place) \
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number), '') AS of_columns, \
     COALESCE((SELECT string_agg(a.attname::TEXT, ',' ORDER BY k.place) \
     FROM unnest(x.confkey) WITH ORDINALITY AS k (number, place) \
     JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number), '') AS to_columns \
     FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class r ON r.oid = x.confrelid \
     WHERE n.nspname IN ('public', 'sys') AND NOT c.relispartition \
     AND c.relname <> '_sqlx_migrations' AND x.conparentid = 0";

async fn of_postgres(store: &Store) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in look(store, COLUMNS).await {
        let table = tables.entry(row.string("of_table").expect("name")).or_default();
        let (column, kind) =
            (row.string("of_column").expect("name"), row.string("kind").expect("type"));
        let collated = row.text("collated").expect("collation");
        assert_eq!(
            collated,
            if kind == "text" { "C" } else { "" },
            "{column} is compared by bytes"
        );
        table.columns.push((column, kind, !row.flag("is_needed").expect("flag")));
    }
    for row in look(store, CONSTRAINTS).await {
        let table = tables.entry(row.string("of_table").expect("name")).or_default();
        let list = |column| -> Vec<String> {
            row.text(column).expect("columns").split(',').map(str::to_owned).collect()
        };
        match row.text("kind").expect("kind") {
            "p" => table.primary = list("of_columns"),
            "u" => drop(table.unique.insert(list("of_columns"))),
            "f" => {
                let to = row.string("to_table").expect("table");
                table.foreign.insert((list("of_columns"), to, list("to_columns")));
            }
            "c" => table.checks += 1,
            // Constraint triggers.
            "t" => {}
            other => panic!("{other}"),
        }
    }
    tables
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let Some(postgres) = Place::empty_postgres().await else { return };
    let sqlite = Place::empty_sqlite().await;
    let (one, other) = (of_sqlite(&sqlite.store).await, of_postgres(&postgres.store).await);
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, table) in &one {
        assert_eq!(Some(table), other.get(name), "{name}");
    }
    assert!(one.len() > 30);
    sqlite.store.check_schema().await.expect("it is up to date");
    postgres.store.check_schema().await.expect("it is up to date");
}

#[tokio::test]
async fn migrations_have_the_same_numbers() {
    let steps = |folder: &str| -> BTreeSet<String> {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let names =
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(steps("sqlite"), steps("postgres"));
}
