//! The engine for more than one machine: PostgreSQL, with row-level security as a second wall
//! between tenants.
//!
//! # Why the program is `gamma_app`
//!
//! Policies do not hold a superuser, and hold an owner only by `FORCE`. So the program is a role
//! that owns nothing: `gamma_app`, without a login. The address names a login that may become it,
//! and every connection of the pools begins with `role=gamma_app` among its start-up options: from
//! then on that is its role even after `RESET ROLE`, and whatever a statement does, it does as a
//! role that the policies hold.
//!
//! One address is enough: where the login owns the database, `gamma migrate` makes schema and role
//! through it. Who wants the program to be unable to change the schema at all gives it another
//! login that is a member of `gamma_app` and nothing else, and migrates with the owner's. A second
//! address in the configuration was turned down: most would set both to the same.
//!
//! # Why locks
//!
//! SQLite has one writer, and the rooms above were written for it: what they have read in a unit of
//! work that writes does not move until they save. Here a unit of work of one tenant holds that
//! tenant's advisory lock, and a batch, which writes the ledger, holds the ledger's. Both are held
//! to the end of the database transaction. `SERIALIZABLE` would give the same and needs a retry
//! around every unit of work.
//!
//! # Why two pools
//!
//! A batch that holds the ledger's lock looks things up through a second connection. From one pool,
//! the batches that wait for the lock could hold the connection that it waits for.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::clock::Timestamp;
use model::id::TenantId;
use parking_lot::Mutex;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::Executor;
use sqlx::PgConnection;
use sqlx::PgPool;
use sqlx::Row as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::postgres::PgPoolOptions;

use crate::conn::Sql;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::params;

mod facts;
mod schema;
mod tx;
mod value;

use facts::Facts;
pub(crate) use tx::PgTx;

/// Who the program is.
const APP_ROLE: &str = "gamma_app";
/// Connections of each pool.
const CONNECTIONS_MAX: u32 = 8;
/// Statement texts kept prepared per connection.
const STATEMENTS_MAX: usize = 512;
/// How long a unit of work waits for its connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection is replaced after that time, so that an address that moved is followed.
const CONNECTION_LIFE: Duration = Duration::from_mins(10);

/// For what arrives late.
const MONTHS_BACK: Duration = Duration::from_hours(31 * 24);
/// A month of which rows stand elsewhere already cannot have its own partition any more.
const MONTHS_AHEAD: Duration = Duration::from_hours(62 * 24);

/// What every connection of the pools begins with. Start-up options outlive `RESET ALL`.
const APP_OPTIONS: &[(&str, &str)] = &[
    ("role", APP_ROLE),
    ("search_path", "public,sys"),
    // A commit that was answered is on the disk, whatever the server's own setting says.
    ("synchronous_commit", "on"),
    // Deadlines are the server's: a dropped future stops nothing there. In milliseconds.
    ("lock_timeout", "10000"),
    ("idle_in_transaction_session_timeout", "5000"),
    // The hook below rolls back where nothing is open, which the server would warn of each time.
    ("client_min_messages", "error"),
];
/// A statement of a unit of work that writes, in milliseconds.
const WRITE_TIMEOUT: (&str, &str) = ("statement_timeout", "30000");
/// A statement of one that reads: the checks walk through whole tables.
const READ_TIMEOUT: (&str, &str) = ("statement_timeout", "300000");

const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// All of it as of one instant.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What a returned connection goes through. `DISCARD ALL` would drop the statements that the driver
/// believes prepared.
const CLEAN: &str = "ROLLBACK; RESET ALL";

/// What a unit of work that writes holds to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock {
    /// Nothing: rows of no tenant.
    None,
    /// The rows of one tenant.
    Tenant(TenantId),
    /// The ledger.
    Ledger,
}

/// How the pools are made. Everything but the default is for tests.
#[derive(Debug, Clone)]
pub(crate) struct Pooling {
    pub(crate) connections: u32,
    /// Whether returned connections are cleaned.
    pub(crate) cleans: bool,
    /// Counts connections that are inside a database transaction when they are handed out.
    pub(crate) found_open: Option<Arc<AtomicU64>>,
}

impl Default for Pooling {
    fn default() -> Self {
        Self { connections: CONNECTIONS_MAX, cleans: true, found_open: None }
    }
}

/// Both pools of one database, and the login behind them.
#[derive(Clone)]
pub(crate) struct PostgresStore {
    writers: PgPool,
    readers: PgPool,
    login: PgConnectOptions,
    facts: Arc<Mutex<Option<Arc<Facts>>>>,
}

// The login has a password.
impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Reaches the server once, and refuses versions with known faults. Connections of the pools
    /// are made when they are needed: before the first migration their role may not exist.
    pub(crate) async fn open(url: &str, pooling: Pooling) -> StoreResult<Self> {
        let login = PgConnectOptions::from_str(url)?
            .application_name("gamma")
            .statement_cache_capacity(STATEMENTS_MAX);
        let mut connection = login.connect().await?;
        schema::refuse_unsound(&mut connection).await?;
        connection.close().await?;
        let app = login.clone().options(APP_OPTIONS.iter().copied());
        let writers = pool(app.clone().options([WRITE_TIMEOUT]), &pooling);
        let readers = pool(app.options([READ_TIMEOUT]), &pooling);
        Ok(Self { writers, readers, login, facts: Arc::default() })
    }

    /// A connection as the login itself: what makes the schema.
    pub(crate) async fn as_login(&self) -> StoreResult<PgConnection> {
        let options = self.login.clone().options([("search_path", "public,sys")]);
        Ok(options.connect().await?)
    }

    pub(crate) async fn migrate(&self) -> StoreResult<()> {
        let mut connection = self.as_login().await?;
        schema::migrate(&mut connection).await?;
        connection.close().await?;
        *self.facts.lock() = None;
        Ok(())
    }

    /// The highest migration that was applied; 0 for an empty database.
    pub(crate) async fn schema_version(&self) -> StoreResult<i64> {
        let mut connection = self.as_login().await?;
        let version = schema::version(&mut connection).await?;
        connection.close().await?;
        Ok(version)
    }

    /// The highest migration this program brings.
    pub(crate) fn schema_needed() -> i64 {
        schema::needed()
    }

    pub(crate) async fn begin(&self, lock: Lock) -> StoreResult<PgTx> {
        let facts = self.facts().await?;
        let mut tx = PgTx::new(self.writers.begin_with(BEGIN_WRITE).await?, facts);
        tx.lock(lock).await?;
        Ok(tx)
    }

    pub(crate) async fn read(&self) -> StoreResult<PgTx> {
        let facts = self.facts().await?;
        Ok(PgTx::new(self.readers.begin_with(BEGIN_READ).await?, facts))
    }

    /// Makes the partitions of the months around `now`.
    pub(crate) async fn tend(&self, now: Timestamp) -> StoreResult<i64> {
        self.make_months(now - MONTHS_BACK, now + MONTHS_AHEAD).await
    }

    /// Makes the partitions between two instants that are not there; answers how many.
    pub(crate) async fn make_months(&self, first: Timestamp, last: Timestamp) -> StoreResult<i64> {
        let sql = "SELECT sys.make_months($1, $2) AS made";
        let params = params![first, last];
        let mut tx = self.begin(Lock::None).await?;
        let rows = tx.fetch_all(Sql::Written(sql), params).await?;
        let made = rows.first().ok_or(StoreError::Missing)?.int("made")?;
        tx.commit().await?;
        Ok(made)
    }

    /// Lets `seq` of a table continue behind its largest. The login does it: the program may take
    /// numbers, not set them.
    pub(crate) async fn continue_numbers(
        &self,
        table: &'static str,
        largest: i64,
    ) -> StoreResult<()> {
        let mut connection = self.as_login().await?;
        let sql = "SELECT setval(pg_get_serial_sequence($1, 'seq'), $2)";
        sqlx::query(sql).bind(table).bind(largest).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    /// A unit of work as the login itself, past the grants of the program.
    #[cfg(debug_assertions)]
    pub(crate) async fn begin_as_login(&self) -> StoreResult<PgTx> {
        let options = self.login.clone().options([("search_path", "public,sys")]);
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        Ok(PgTx::new(pool.begin().await?, self.facts().await?))
    }

    #[cfg(debug_assertions)]
    pub(crate) fn all_idle(&self) -> bool {
        [&self.writers, &self.readers].iter().all(|pool| pool.size() as usize == pool.num_idle())
    }

    /// Columns and keys, read once. An empty database has none yet, and is asked again.
    async fn facts(&self) -> StoreResult<Arc<Facts>> {
        if let Some(facts) = self.facts.lock().clone() {
            return Ok(facts);
        }
        let facts = Arc::new(Facts::read(&mut *self.readers.acquire().await?).await?);
        if !facts.is_empty() {
            *self.facts.lock() = Some(Arc::clone(&facts));
        }
        Ok(facts)
    }
}

/// # Why a hook
///
/// sqlx 0.9.0 sends BEGIN, waits, and only then notes that a database transaction is open. A future
/// that is dropped in between leaves it open on a connection that goes back to the pool: the next
/// user's writes would land in it and vanish. The hook runs before a returned connection is used
/// again; where it fails, the connection is closed. It may go once a release carries the mend
/// (launchbadge/sqlx #4394) and `a_storm_of_cancelled_requests_leaves_nothing_open` passes without
/// it.
fn pool(options: PgConnectOptions, pooling: &Pooling) -> PgPool {
    let mut pool = PgPoolOptions::new()
        .max_connections(pooling.connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(CONNECTION_LIFE);
    if pooling.cleans {
        pool = pool.after_release(|connection, _| {
            Box::pin(async move {
                connection.execute(CLEAN).await?;
                Ok(true)
            })
        });
    }
    if let Some(found_open) = pooling.found_open.clone() {
        pool = pool.before_acquire(move |connection, _| {
            let found_open = Arc::clone(&found_open);
            Box::pin(async move {
                // Outside a database transaction a statement begins its own. Unprepared: between
                // the messages of a prepared one time passes.
                let sql = sqlx::raw_sql("SELECT now() <> statement_timestamp()");
                let is_open: bool = sql.fetch_one(connection).await?.try_get(0)?;
                found_open.fetch_add(u64::from(is_open), Ordering::Relaxed);
                Ok(true)
            })
        });
    }
    pool.connect_lazy_with(options)
}

/// The address without its password, for people.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split('?').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// Addresses this engine opens.
pub(crate) fn is_address(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_shown_address_has_no_password() {
        for (url, text) in [
            ("postgres://gamma:p%40ss@db.example:5432/gamma", "postgres://db.example:5432/gamma"),
            ("postgres://db/gamma?password=secret&sslmode=require", "postgres://db/gamma"),
            ("postgres://u:p@h?x=/", "postgres://h"),
            ("postgresql:///gamma?host=/run", "postgresql:///gamma"),
        ] {
            assert_eq!(shown(url), text);
        }
    }
}
