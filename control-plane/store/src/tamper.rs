//! A back door for tests: statements behind the back of the code, to seed rows and to show that the
//! checks notice what nobody should have done. It does not exist in a release build.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::conn::Conn;
use crate::conn::SysScope;
use crate::error::StoreResult;
use crate::postgres::Pooling;
use crate::postgres::PostgresStore;
use crate::sql::Row;
use crate::unit::Engine;
use crate::unit::Store;

impl Store {
    /// Runs statements as they stand, in one unit of work.
    ///
    /// # Errors
    /// [`crate::error::StoreError`]: whatever the schema refuses; then nothing has changed.
    pub async fn tamper(&self, statements: &[&str]) -> StoreResult<u64> {
        let mut conn = self.back_door().await?;
        let mut changed = 0;
        for statement in statements {
            let mut sys = SysScope::new(&mut conn);
            changed += sys.execute_built(self.in_dialect(statement), Vec::new()).await?;
        }
        conn.save().await?;
        Ok(changed)
    }

    /// Looks at rows as they stand.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn peek(&self, statement: &str) -> StoreResult<Vec<Row>> {
        let mut conn = self.back_door().await?;
        let rows =
            SysScope::new(&mut conn).fetch_built(self.in_dialect(statement), Vec::new()).await?;
        conn.cancel().await?;
        Ok(rows)
    }

    /// Whether the rows are kept by PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.engine(), Engine::Postgres(_))
    }

    /// A store of PostgreSQL with so many connections per pool, cleaned when they are returned or
    /// not, and a count of those that were handed out inside a database transaction.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_pooled(
        url: &str,
        connections: u32,
        cleans: bool,
    ) -> StoreResult<(Self, Arc<AtomicU64>)> {
        let count = Arc::new(AtomicU64::new(0));
        let pooling = Pooling { connections, cleans, found_open: Some(Arc::clone(&count)) };
        let postgres = PostgresStore::open(url, pooling).await?;
        Ok((Self::over(Arc::new(Engine::Postgres(Box::new(postgres)))), count))
    }

    /// Whether no connection is in use, or on its way back.
    #[must_use]
    pub fn all_idle(&self) -> bool {
        match self.engine() {
            Engine::Sqlite(_) => true,
            Engine::Postgres(postgres) => postgres.all_idle(),
        }
    }

    /// Past policies and grants, where there are such.
    async fn back_door(&self) -> StoreResult<Conn> {
        match self.engine() {
            Engine::Sqlite(sqlite) => Ok(Conn::Sqlite(sqlite.begin().await?)),
            Engine::Postgres(postgres) => {
                Ok(Conn::Postgres(Box::new(postgres.begin_as_login().await?)))
            }
        }
    }

    /// Bytes are written as SQLite reads them.
    fn in_dialect(&self, statement: &str) -> String {
        let mut parts = statement.split("x'");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.split_once('\'') {
                Some((hex, rest)) if self.is_postgres() && is_hex(hex) => {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "'\\x{hex}'::BYTEA{rest}");
                }
                _ => {
                    text.push_str("x'");
                    text.push_str(part);
                }
            }
        }
        text
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
