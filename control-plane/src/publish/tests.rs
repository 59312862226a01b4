//! The publisher between an outbox and a log that fails.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use journal::AppendError;
use model::catalog::CatalogEntry;
use model::clock::ManualClock;
use model::clock::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::throwaway::TestDatabase;
use store::unit::Store;

use crate::publish::Publisher;
use crate::publish::PublisherParts;
use crate::publish::log::CatalogLog;
use crate::publish::log::LogError;
use crate::publish::log::MemoryLog;

impl Publisher<MemoryLog> {
    /// What a complete resend sends.
    pub(crate) async fn resent(&mut self) -> Vec<CatalogEntry> {
        self.handle.publish_all();
        self.drain_once().await.expect("drains");
        self.parts.log.take()
    }
}

/// A log that is full while the switch is on.
#[derive(Clone, Default)]
struct Moody {
    inner: MemoryLog,
    is_full: Arc<AtomicBool>,
}

impl CatalogLog for Moody {
    async fn append(&mut self, entries: Vec<CatalogEntry>) -> Result<u64, LogError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(LogError(AppendError::Full));
        }
        self.inner.append(entries).await
    }

    fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}

async fn store(dir: &tempfile::TempDir) -> Store {
    let database = Box::pin(TestDatabase::new(dir.path())).await;
    let store = Store::open(&database.url).await.expect("opens");
    // It goes with the server.
    std::mem::forget(database);
    store.migrate().await.expect("migrates");
    let mut rng = StdRng::seed_from_u64(3);
    store.bootstrap(Timestamp(1_769_904_000_000_000), &mut rng).await.expect("boots");
    store
}

#[tokio::test]
async fn what_the_log_refuses_stays_in_the_outbox() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(&dir).await;
    let log = Moody::default();
    log.is_full.store(true, Ordering::Relaxed);
    let clock = Arc::new(ManualClock::new(Timestamp(1_769_904_000_000_001)));
    let parts = PublisherParts { store: store.clone(), clock, log: log.clone() };
    let (mut publisher, _) = Publisher::new(parts);
    assert!(publisher.drain_once().await.is_err());
    assert_eq!(log.inner.take(), []);
    log.is_full.store(false, Ordering::Relaxed);
    assert_eq!(publisher.drain_once().await.expect("drains"), 2);
    assert_eq!(log.inner.take().len(), 2);
    assert_eq!(publisher.drain_once().await.expect("drains"), 0);
}

#[tokio::test]
async fn a_second_bootstrap_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(&dir).await;
    let mut rng = StdRng::seed_from_u64(9);
    let before = store.read_sys().await.expect("reads").secrets().get().await.expect("reads");
    let tenant = store.bootstrap(Timestamp(1_769_904_000_000_009), &mut rng).await.expect("boots");
    let after = store.read_sys().await.expect("reads").secrets().get().await.expect("reads");
    assert_eq!(tenant.name, "default");
    assert!(before.is_some() && before == after);
}
