//! What the catalog says of our tables: types of columns, for arrays; columns of unique keys, for
//! errors. Under a policy the server itself does not name them.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::value::Kind;
use crate::error::StoreError;
use crate::error::StoreResult;

/// See the module.
#[derive(Debug)]
pub(crate) struct Facts {
    columns: HashMap<String, HashMap<String, Kind>>,
    /// Columns by the name of their unique index, as SQLite names them: `links.tenant_id,
    /// links.slug`.
    keys: HashMap<String, String>,
}

impl Facts {
    pub(super) async fn read(connection: &mut PgConnection) -> StoreResult<Self> {
        let sql = "SELECT c.relname::TEXT, a.attname::TEXT, format_type(a.atttypid, NULL) \
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   JOIN pg_attribute a ON a.attrelid = c.oid \
                   WHERE n.nspname IN ('public', 'sys') AND c.relkind IN ('r', 'p') \
                   AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped";
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(sql).fetch_all(&mut *connection).await?;
        let mut columns: HashMap<String, HashMap<String, Kind>> = HashMap::new();
        for (table, column, kind) in rows {
            if let Some(kind) = Kind::parse(&kind) {
                columns.entry(table).or_default().insert(column, kind);
            }
        }
        let sql = "SELECT i.relname::TEXT, \
                   string_agg(t.relname || '.' || a.attname, ', ' ORDER BY k.place) \
                   FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
                   JOIN pg_class t ON t.oid = x.indrelid \
                   JOIN pg_namespace n ON n.oid = t.relnamespace \
                   CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, place) \
                   JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
                   WHERE n.nspname IN ('public', 'sys') AND x.indisunique GROUP BY i.relname";
        let keys: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(connection).await?;
        Ok(Self { columns, keys: keys.into_iter().collect() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The type of a column.
    pub(super) fn kind(&self, table: &str, column: &str) -> StoreResult<Kind> {
        let found = self.columns.get(table).and_then(|columns| columns.get(column));
        let missing = || StoreError::Column { column: column.to_owned(), expected: "a known type" };
        found.copied().ok_or_else(missing)
    }

    /// An error of the driver as one of ours, with the names that SQLite would give.
    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        match StoreError::from(error) {
            StoreError::Unique(index) => {
                StoreError::Unique(self.keys.get(&index).cloned().unwrap_or(index))
            }
            other => other,
        }
    }
}
