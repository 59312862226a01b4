//! One suite, run on every engine: what a rule sees must not depend on which one keeps the rows.
//!
//! Each rule is a function over a [`Store`] with two tenants in it, and gets a database of its own.
//! On SQLite it always runs; on PostgreSQL where a server can be had, and says so loudly otherwise.

use model::clock::Timestamp;
use model::id::TenantId;
use tempfile::TempDir;

use crate::throwaway::Throwaway;
use crate::unit::Store;

mod audits;
mod books;
mod copying;
mod flow;
mod isolation;
mod objects;
mod payday;
mod policies;
mod refusals;
mod schema;
mod shop;
mod storm;
mod sums;
mod units;

/// 2026-03-10T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_773_144_000_000_000);
/// The tenant that rules speak of.
pub(crate) const OWN: TenantId = TenantId(1);
/// Another one with the same rows, which must never show.
pub(crate) const OTHER: TenantId = TenantId(2);

/// A database and what it lies in.
pub(crate) struct Place {
    pub(crate) store: Store,
    pub(crate) database: Option<Throwaway>,
    _directory: Option<TempDir>,
}

impl Place {
    /// SQLite with both tenants in it.
    pub(crate) async fn sqlite() -> Self {
        let place = Self::empty_sqlite().await;
        shop::make(&place.store).await;
        place
    }

    /// SQLite with our schema and no rows.
    pub(crate) async fn empty_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("gamma.db").display());
        let store = Store::open(&url).await.expect("a file");
        store.migrate().await.expect("a schema");
        Self { store, database: None, _directory: Some(directory) }
    }

    /// PostgreSQL with both tenants in it; absent where there is no server.
    pub(crate) async fn postgres() -> Option<Self> {
        let place = Self::empty_postgres().await?;
        shop::make(&place.store).await;
        Some(place)
    }

    /// PostgreSQL with our schema and no rows.
    pub(crate) async fn empty_postgres() -> Option<Self> {
        let database = Throwaway::database().await?;
        let store = Store::open(database.url()).await.expect("a database");
        Some(Self { store, database: Some(database), _directory: None })
    }
}

/// Makes each rule a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($rule:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let place = crate::conformance::Place::sqlite().await;
                Box::pin(super::$rule(&place.store)).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $rule() {
                let Some(place) = crate::conformance::Place::postgres().await else { return };
                Box::pin(super::$rule(&place.store)).await;
            })+
        }
    };
}
pub(crate) use on_both;
