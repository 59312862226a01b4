//! Publishing: what changed becomes entries of the catalog log, in the order of the changes.
//!
//! A change writes a row of `catalog_outbox` in its own database transaction. The [`Publisher`]
//! reads the oldest rows, builds each object as it is *now*, appends the entries durably, and only
//! then forgets the rows. A crash in between repeats entries, which replace themselves; nothing is
//! left out.
//!
//! # Why the object as it is now, and not as it was
//!
//! Followers want the present. A burst of changes to one object is one entry, and a row that waited
//! through a crash cannot bring back an old state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::catalog::CatalogEntry;
use model::catalog::CatalogKind;
use model::clock::Clock;
use model::clock::Timestamp;
use model::id::TenantId;
use store::catalog_outbox::Changed;
use store::error::StoreError;
use store::page::PageAsk;
use store::unit::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::publish::build::Builder;
use crate::publish::log::CatalogLog;
use crate::publish::log::LogError;

mod build;
pub mod log;

#[cfg(test)]
mod tests;

/// Longest time until a change is looked for without being woken.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// Rows of the outbox taken at once.
const BATCH_ROWS: u32 = 512;

/// Why a drain failed. Nothing was forgotten; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The database.
    #[error("the catalog outbox cannot be read")]
    Store(#[from] StoreError),
    /// The log.
    #[error("the catalog log does not take entries")]
    Log(#[from] LogError),
}

#[derive(Debug, Default)]
struct Shared {
    changed: Notify,
    everything: AtomicBool,
}

/// Tells the publisher that there is something to do. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct PublishHandle {
    shared: Arc<Shared>,
}

impl PublishHandle {
    /// Something changed and is saved.
    pub fn wake(&self) {
        self.shared.changed.notify_one();
    }

    /// Asks for a complete resend.
    pub fn publish_all(&self) {
        self.shared.everything.store(true, Ordering::Release);
        self.shared.changed.notify_one();
    }
}

/// What a publisher is made of.
pub struct PublisherParts<L> {
    /// The database.
    pub store: Store,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where entries go.
    pub log: L,
}

impl<L> std::fmt::Debug for PublisherParts<L> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PublisherParts").finish_non_exhaustive()
    }
}

/// Owns the loop from outbox to log.
pub struct Publisher<L> {
    parts: PublisherParts<L>,
    handle: PublishHandle,
    /// When secrets of integrations end: each is published again then.
    endings: BTreeSet<(Timestamp, TenantId, String)>,
    is_started: bool,
}

impl<L> std::fmt::Debug for Publisher<L> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl<L: CatalogLog> Publisher<L> {
    /// A publisher and the handle that wakes it.
    pub fn new(parts: PublisherParts<L>) -> (Self, PublishHandle) {
        let handle = PublishHandle::default();
        let publisher =
            Self { parts, handle: handle.clone(), endings: BTreeSet::new(), is_started: false };
        (publisher, handle)
    }

    /// Publishes until it is stopped. A failure is logged and tried again.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.drain_once().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "catalog is not published"
                );
            }
            let shared = Arc::clone(&self.handle.shared);
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tokio::time::timeout(POLL_EVERY, shared.changed.notified()) => {}
            }
        }
    }

    /// Publishes everything that is in the outbox now; returns how many entries were appended.
    ///
    /// # Errors
    /// [`PublishError`]; what was not appended stays in the outbox.
    pub async fn drain_once(&mut self) -> Result<u64, PublishError> {
        let mut appended = 0;
        let is_asked = self.handle.shared.everything.swap(false, Ordering::AcqRel);
        if is_asked || self.parts.log.is_empty() {
            match self.publish_all().await {
                Ok(count) => appended += count,
                Err(error) => {
                    self.handle.shared.everything.store(is_asked, Ordering::Release);
                    return Err(error);
                }
            }
        } else if !self.is_started {
            self.find_endings().await?;
        }
        self.is_started = true;
        appended += self.publish_endings().await?;
        loop {
            let changes = self.oldest().await?;
            if changes.is_empty() {
                return Ok(appended);
            }
            appended += self.publish(&changes).await?;
            let mut sys = self.parts.store.begin_sys().await?;
            sys.catalog_outbox().forget(&changes).await?;
            sys.save().await?;
        }
    }

    async fn oldest(&self) -> Result<Vec<Changed>, StoreError> {
        let mut sys = self.parts.store.read_sys().await?;
        let changes = sys.catalog_outbox().oldest(BATCH_ROWS).await?;
        sys.cancel().await?;
        Ok(changes)
    }

    /// Builds and appends the named objects, each once.
    async fn publish(&mut self, changes: &[Changed]) -> Result<u64, PublishError> {
        let now = self.parts.clock.now();
        let mut sys = self.parts.store.read_sys().await?;
        let secrets = sys.secrets().get().await?;
        sys.cancel().await?;
        let mut builder = Builder::new(self.parts.store.read_batch().await?, now, secrets);
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        for change in changes {
            if seen.insert((change.kind, change.tenant, change.object_id.as_str())) {
                entries.extend(builder.entry(change).await?);
            }
        }
        self.endings.extend(builder.close().await?);
        Ok(self.parts.log.append(entries).await?)
    }

    /// Sends every object of every tenant between a reset and a completion.
    async fn publish_all(&mut self) -> Result<u64, PublishError> {
        let now = self.parts.clock.now();
        let mut sys = self.parts.store.read_sys().await?;
        let secrets = sys.secrets().get().await?;
        let tenants = sys.tenants().all().await?;
        sys.cancel().await?;
        let mut builder = Builder::new(self.parts.store.read_batch().await?, now, secrets);
        let mut appended = self.parts.log.append(vec![CatalogEntry::Reset]).await?;
        appended += self.parts.log.append(builder.secrets()).await?;
        for tenant in tenants {
            appended += self.parts.log.append(builder.settings_of(&tenant).await?).await?;
            let mut after = None;
            loop {
                let ask = PageAsk { limit: BATCH_ROWS, after, archived: false };
                let (entries, next) = builder.links_of(tenant.id, &ask).await?;
                appended += self.parts.log.append(entries).await?;
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        self.endings.extend(builder.close().await?);
        appended += self.parts.log.append(vec![CatalogEntry::Complete]).await?;
        Ok(appended)
    }

    /// After a start: which secrets are on their way out.
    async fn find_endings(&mut self) -> Result<(), PublishError> {
        let mut sys = self.parts.store.read_sys().await?;
        let tenants = sys.tenants().all().await?;
        sys.cancel().await?;
        let now = self.parts.clock.now();
        let mut builder = Builder::new(self.parts.store.read_batch().await?, now, None);
        for tenant in tenants {
            builder.integrations_of(tenant.id).await?;
        }
        self.endings.extend(builder.close().await?);
        // What ended while nobody published is told now.
        self.handle.shared.changed.notify_one();
        Ok(())
    }

    /// Publishes integrations of which a secret has ended.
    async fn publish_endings(&mut self) -> Result<u64, PublishError> {
        let now = self.parts.clock.now();
        let mut ended = Vec::new();
        while let Some((at, _, _)) = self.endings.first() {
            if now < *at {
                break;
            }
            let Some((_, tenant, object_id)) = self.endings.pop_first() else { break };
            let kind = CatalogKind::Integration;
            ended.push(Changed { seq: 0, kind, tenant: Some(tenant), object_id });
        }
        if ended.is_empty() { Ok(0) } else { self.publish(&ended).await }
    }
}
