//! The store and its units of work. The pools stay in here: outside, a statement needs a unit of
//! work, and a unit of work of rows that belong to somebody needs a tenant.

use std::path::Path;
use std::sync::Arc;

use model::id::TenantId;

use crate::conn::Conn;
use crate::conn::Scope;
use crate::conn::SysScope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::sqlite::SqliteStore;

/// The database. A cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

#[derive(Debug)]
enum Engine {
    Sqlite(SqliteStore),
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
    /// Opens `sqlite:///path/to/gamma.db`; the file is created when it is missing. Nothing is
    /// migrated.
    ///
    /// # Errors
    /// [`StoreError::Url`] for other engines, [`StoreError::Version`] for an engine with known
    /// faults.
    pub async fn open(url: &str) -> StoreResult<Self> {
        if !url.starts_with("sqlite:") {
            return Err(StoreError::Url("this build opens sqlite:// databases"));
        }
        let engine = Arc::new(Engine::Sqlite(SqliteStore::open(url).await?));
        Ok(Self { engine })
    }

    /// Applies what migrations are missing.
    ///
    /// # Errors
    /// [`StoreError::Migration`]; a failed step leaves the schema as it was before that step.
    pub async fn migrate(&self) -> StoreResult<()> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.migrate().await,
        }
    }

    /// Refuses a schema that is behind this program.
    ///
    /// # Errors
    /// [`StoreError::Schema`] naming both versions.
    pub async fn check_schema(&self) -> StoreResult<()> {
        let Engine::Sqlite(sqlite) = &*self.engine;
        let (found, needed) = (sqlite.schema_version().await?, SqliteStore::schema_needed());
        if found < needed { Err(StoreError::Schema { found, needed }) } else { Ok(()) }
    }

    /// Begins a unit of work that may change rows of `tenant`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when no connection can be had in time.
    pub async fn begin(&self, tenant: TenantId) -> StoreResult<TenantTx> {
        Ok(TenantTx { tenant, conn: self.write().await? })
    }

    /// Begins a unit of work that only reads rows of `tenant`, all as of one instant.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn read(&self, tenant: TenantId) -> StoreResult<TenantTx> {
        Ok(TenantTx { tenant, conn: self.look().await? })
    }

    /// Begins a unit of work over several tenants.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_batch(&self) -> StoreResult<BatchTx> {
        Ok(BatchTx { conn: self.write().await? })
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
        Ok(SysTx { conn: self.write().await? })
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
    /// [`StoreError::Database`] when the file exists or cannot be written.
    pub async fn copy_to(&self, path: &Path) -> StoreResult<()> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.copy_to(path).await,
        }
    }

    /// Waits for open units of work and closes every connection.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    async fn write(&self) -> StoreResult<Conn> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Ok(Conn::Sqlite(sqlite.begin().await?)),
        }
    }

    async fn look(&self) -> StoreResult<Conn> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Ok(Conn::Sqlite(sqlite.read().await?)),
        }
    }
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
