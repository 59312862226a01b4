//! The store and its units of work. The pools stay in here: outside, a statement needs a unit of
//! work, and a unit of work of rows that belong to somebody needs a tenant.

use std::path::Path;
use std::sync::Arc;

use model::clock::Timestamp;
use model::id::TenantId;

use crate::conn::Conn;
use crate::conn::Scope;
use crate::conn::SysScope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::postgres;
use crate::postgres::Lock;
use crate::postgres::Pooling;
use crate::postgres::PostgresStore;
use crate::sqlite::SqliteStore;

/// The database. A cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(SqliteStore),
    Postgres(Box<PostgresStore>),
}

/// A unit of work in one tenant. Dropped without [`TenantTx::save`], it changes nothing.
#[derive(Debug)]
#[must_use]
pub struct TenantTx {
    tenant: TenantId,
    conn: Conn,
}

/// A unit of work over several tenants: the pipeline's and the settlement's batch.
#[derive(Debug)]
#[must_use]
pub struct BatchTx {
    conn: Conn,
}

/// A unit of work outside tenants: what must be read before one is known.
#[derive(Debug)]
#[must_use]
pub struct SysTx {
    conn: Conn,
}

impl Store {
    /// Opens `sqlite:///path/to/gamma.db`, which is created when it is missing, or
    /// `postgres://login:password@host/database`. Nothing is migrated.
    ///
    /// # Errors
    /// [`StoreError::Url`] for other engines, [`StoreError::Version`] for an engine with known
    /// faults.
    pub async fn open(url: &str) -> StoreResult<Self> {
        let engine = if postgres::is_address(url) {
            Engine::Postgres(Box::new(
                Box::pin(PostgresStore::open(url, Pooling::default())).await?,
            ))
        } else if url.starts_with("sqlite:") {
            Engine::Sqlite(SqliteStore::open(url).await?)
        } else {
            return Err(StoreError::Url("sqlite:// and postgres:// are"));
        };
        Ok(Self::over(Arc::new(engine)))
    }

    pub(crate) const fn over(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Applies what migrations are missing.
    ///
    /// # Errors
    /// [`StoreError::Migration`]; a failed step leaves the schema as it was before that step.
    /// [`StoreError::Role`] when a person must make or grant a role first.
    pub async fn migrate(&self) -> StoreResult<()> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.migrate().await,
            Engine::Postgres(postgres) => Box::pin(postgres.migrate()).await,
        }
    }

    /// Refuses a schema that is behind this program.
    ///
    /// # Errors
    /// [`StoreError::Schema`] naming both versions.
    pub async fn check_schema(&self) -> StoreResult<()> {
        let (found, needed) = match &*self.engine {
            Engine::Sqlite(sqlite) => {
                (sqlite.schema_version().await?, SqliteStore::schema_needed())
            }
            Engine::Postgres(postgres) => {
                (Box::pin(postgres.schema_version()).await?, PostgresStore::schema_needed())
            }
        };
        if found < needed { Err(StoreError::Schema { found, needed }) } else { Ok(()) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Begins a unit of work that may change rows of `tenant`. Nobody else changes them through
    /// another one until it ends.
    ///
    /// # Errors
    /// [`StoreError::Database`] when no connection can be had in time.
    pub async fn begin(&self, tenant: TenantId) -> StoreResult<TenantTx> {
        Ok(TenantTx { tenant, conn: self.write(Lock::Tenant(tenant)).await? })
    }

    /// Begins a unit of work that only reads rows of `tenant`, all as of one instant.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn read(&self, tenant: TenantId) -> StoreResult<TenantTx> {
        Ok(TenantTx { tenant, conn: self.look().await? })
    }

    /// Begins a unit of work over several tenants. Nobody else writes the ledger until it ends.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_batch(&self) -> StoreResult<BatchTx> {
        Ok(BatchTx { conn: self.write(Lock::Ledger).await? })
    }

    /// Begins a unit of work over several tenants that only reads.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn read_batch(&self) -> StoreResult<BatchTx> {
        Ok(BatchTx { conn: self.look().await? })
    }

    /// Begins a unit of work outside tenants.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_sys(&self) -> StoreResult<SysTx> {
        Ok(SysTx { conn: self.write(Lock::None).await? })
    }

    /// Begins a unit of work outside tenants that only reads.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn read_sys(&self) -> StoreResult<SysTx> {
        Ok(SysTx { conn: self.look().await? })
    }

    /// Writes a consistent copy of the database into a new file while work goes on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file exists or cannot be written; [`StoreError::Url`] for
    /// a database that is no file.
    pub async fn copy_to(&self, path: &Path) -> StoreResult<()> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.copy_to(path).await,
            Engine::Postgres(_) => Err(StoreError::Url("PostgreSQL is copied by its own pg_dump")),
        }
    }

    /// Prepares what the months around `now` need; once a day is often enough. Answers how much was
    /// made.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it would have to wait for others; the next call tries again.
    pub async fn tend(&self, now: Timestamp) -> StoreResult<i64> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(0),
            Engine::Postgres(postgres) => Box::pin(postgres.tend(now)).await,
        }
    }

    /// Waits for open units of work and closes every connection.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }

    async fn write(&self, lock: Lock) -> StoreResult<Conn> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Ok(Conn::Sqlite(sqlite.begin().await?)),
            Engine::Postgres(postgres) => {
                Ok(Conn::Postgres(Box::new(Box::pin(postgres.begin(lock)).await?)))
            }
        }
    }

    async fn look(&self) -> StoreResult<Conn> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Ok(Conn::Sqlite(sqlite.read().await?)),
            Engine::Postgres(postgres) => {
                Ok(Conn::Postgres(Box::new(Box::pin(postgres.read()).await?)))
            }
        }
    }
}

/// A database's address without its password, for people.
#[must_use]
pub fn shown(url: &str) -> String {
    if postgres::is_address(url) { postgres::shown(url) } else { url.to_owned() }
}

impl TenantTx {
    /// Whose unit of work this is.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Statements of its tenant; repositories are made from it.
    pub const fn scope(&mut self) -> Scope<'_> {
        Scope::new(self.tenant, &mut self.conn)
    }

    /// Makes the changes permanent. An error leaves open whether they are: read before deciding.
    ///
    /// # Errors
    /// [`StoreError::Foreign`], [`StoreError::Refused`] for what is only checked at commit.
    pub async fn save(self) -> StoreResult<()> {
        self.conn.save().await
    }

    /// Drops the changes.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the changes are gone all the same.
    pub async fn cancel(self) -> StoreResult<()> {
        self.conn.cancel().await
    }
}

impl BatchTx {
    /// Statements of one tenant inside the batch.
    pub const fn scope(&mut self, tenant: TenantId) -> Scope<'_> {
        Scope::new(tenant, &mut self.conn)
    }

    /// Statements that belong to no tenant.
    pub const fn sys(&mut self) -> SysScope<'_> {
        SysScope::new(&mut self.conn)
    }

    /// See [`TenantTx::save`].
    ///
    /// # Errors
    /// As [`TenantTx::save`].
    pub async fn save(self) -> StoreResult<()> {
        self.conn.save().await
    }

    /// See [`TenantTx::cancel`].
    ///
    /// # Errors
    /// As [`TenantTx::cancel`].
    pub async fn cancel(self) -> StoreResult<()> {
        self.conn.cancel().await
    }

    /// Keeps the changes of work that came through, and drops those of work that did not.
    ///
    /// # Errors
    /// What the work says, or why its changes could not be kept or dropped.
    pub async fn end<T, E: From<StoreError>>(self, worked: Result<T, E>) -> Result<T, E> {
        if worked.is_ok() {
            self.save().await?;
        } else {
            self.cancel().await?;
        }
        worked
    }
}

impl SysTx {
    /// Its statements.
    pub const fn sys(&mut self) -> SysScope<'_> {
        SysScope::new(&mut self.conn)
    }

    /// See [`TenantTx::save`].
    ///
    /// # Errors
    /// As [`TenantTx::save`].
    pub async fn save(self) -> StoreResult<()> {
        self.conn.save().await
    }

    /// See [`TenantTx::cancel`].
    ///
    /// # Errors
    /// As [`TenantTx::cancel`].
    pub async fn cancel(self) -> StoreResult<()> {
        self.conn.cancel().await
    }
}
