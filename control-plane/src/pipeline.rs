//! The conversion line: records become claims, claims become conversions, conversions become money.
//!
//! `consume → adapt → attribute → screen → post`, over batches. Everything slow (plugins, reads)
//! happens before the one database transaction of a batch opens; inside it stand the three locks,
//! the postings and the outcome of every inbound, all or nothing.
//!
//! # Why batches
//!
//! A commit costs the same for one conversion and for a thousand. A batch is whatever waits when
//! the one before is done: at low load one record, committed at once, at high load many.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::clock::Clock;
use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::outcome::Outcome;
use parking_lot::Mutex;
use plugin_host::PluginHost;
use rand::RngCore;
use store::error::StoreError;
use store::unit::Store;

mod adapt;
mod again;
mod attribute;
pub(crate) mod caps;
mod claim_json;
mod clicks;
pub mod consume;
mod consumer;
mod control;
mod look;
pub(crate) mod manual;
mod objects;
mod parcel;
mod post;
pub(crate) mod price;
mod screen;
#[cfg(test)]
pub(crate) mod tests;

pub use again::Rehearsal;
pub use again::ReprocessError;
pub use again::Reprocessed;
pub use consumer::Consumer;
pub use consumer::Tally;
pub(crate) use consumer::chain;
pub use manual::ByHand;
pub use manual::ByHandError;
pub(crate) use post::outcome::add_difference;
pub(crate) use post::outcome::counted;
pub(crate) use post::outcome::outcome_of;

use crate::metrics;
use consume::SourceRecord;
use look::Memory;
use look::View;
use parcel::Content;
use parcel::Finding;
use parcel::Parcel;
use post::PostRefused;
use post::Posted;
use store::offsets::Advance;
use store::offsets::Assignment;
use store::offsets::Partition;

/// Times a batch is prepared anew because terms changed underneath.
const TERMS_RETRIES_MAX: usize = 16;

/// Makes ids: randomness behind a lock, shared by everybody who makes some.
#[derive(Clone)]
pub struct IdSource(Arc<Mutex<dyn RngCore + Send>>);

impl IdSource {
    /// Ids from this randomness.
    pub fn new(rng: impl RngCore + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Makes one thing with the randomness.
    pub fn make<T>(&self, make: impl FnOnce(&mut dyn RngCore) -> T) -> T {
        make(&mut *self.0.lock())
    }
}

impl std::fmt::Debug for IdSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IdSource(…)")
    }
}

/// Locks that tests switch off, to show that each of the others holds alone and that without any
/// money doubles. A release build has all of them, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mutation {
    no_inbox: bool,
    no_business_keys: bool,
    no_offset_cas: bool,
}

impl Mutation {
    /// Reads words parted by commas: `no_inbox`, `no_business_keys`, `no_offset_cas`. Nothing else
    /// counts, and nothing at all in a release build.
    #[must_use]
    pub fn from_word(words: Option<&str>) -> Self {
        let words = words.unwrap_or_default();
        let has =
            |word: &str| cfg!(debug_assertions) && words.split(',').any(|own| own.trim() == word);
        Self {
            no_inbox: has("no_inbox"),
            no_business_keys: has("no_business_keys"),
            no_offset_cas: has("no_offset_cas"),
        }
    }

    const fn drops_inbox(self) -> bool {
        self.no_inbox
    }

    const fn drops_business_keys(self) -> bool {
        self.no_business_keys
    }

    #[cfg(debug_assertions)]
    const fn drops_offset_cas(self) -> bool {
        self.no_offset_cas
    }
}

/// What the composition root hands in.
pub struct PipelineParts {
    /// Where everything ends up.
    pub store: Store,
    /// Adapters and rules.
    pub plugins: PluginHost,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of conversions and transactions.
    pub ids: IdSource,
    /// Key of the hashes that replace e-mail addresses and telephone numbers.
    pub pepper: [u8; 32],
    /// [`Mutation::default`] but in tests.
    pub mutation: Mutation,
}

impl std::fmt::Debug for PipelineParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PipelineParts").finish_non_exhaustive()
    }
}

/// The conversion line. A cheap handle: one runs per lane, others ask it to look at single inbounds
/// again.
#[derive(Debug, Clone)]
pub struct Pipeline {
    rooms: Arc<Rooms>,
}

/// The real parts, and what is remembered between batches.
pub(crate) struct Rooms {
    store: Store,
    plugins: PluginHost,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    pepper: [u8; 32],
    mutation: Mutation,
    memory: Mutex<Memory>,
    /// By partition, how old the oldest record was that waited last.
    lags: Mutex<HashMap<Partition, Duration>>,
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rooms").field("mutation", &self.mutation).finish_non_exhaustive()
    }
}

/// How one inbound ended, for metrics.
pub(crate) struct Ended<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<&'a str>,
    pub(crate) status: Option<ConversionStatus>,
    pub(crate) received_at: Timestamp,
}

impl<'a> From<&'a Posted> for Ended<'a> {
    fn from(posted: &'a Posted) -> Self {
        Self {
            outcome: posted.end.outcome,
            reason: posted.end.reason.as_deref(),
            status: posted.status,
            received_at: posted.received_at,
        }
    }
}

/// Where a batch came from, and what it holds beside inbounds.
pub(crate) struct Intake {
    assignment: Assignment,
    advance: Advance,
    clicks: Vec<SourceRecord>,
    control: Vec<SourceRecord>,
}

/// Why a batch did not end. Nothing of it stays in the database.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A plugin is being compiled, or no click key exists yet: the records wait where they are.
    #[error("a plugin is not ready")]
    Wait,
    /// The plugin host is shutting down.
    #[error("the plugin host has stopped")]
    Stopped,
    /// Another consumer has the partition: stop, and take it again only when it is ours to take.
    #[error("another consumer has the partition")]
    Fenced,
    /// The partition is not the one whose offset the database holds: truncated, recreated, or
    /// another journal. Money waits until a person has looked; a replay is harmless.
    #[error("partition does not hold what was processed before: {0}")]
    Rewritten(String),
    /// Records cannot be read.
    #[error("records cannot be read")]
    Source(#[from] consume::SourceError),
    /// The database refused, or its answer is lost.
    #[error("database failed")]
    Store(#[source] StoreError),
    /// What was decided does not fit the ledger: a broken invariant, kept from the books.
    #[error("ledger refused a batch")]
    Ledger(#[source] ledger::LedgerError),
    /// Terms changed each time the batch was prepared.
    #[error("terms keep changing")]
    Unsettled,
}

impl From<StoreError> for PipelineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced(_) => Self::Fenced,
            error => Self::Store(error),
        }
    }
}

impl Pipeline {
    /// A pipeline over real parts.
    #[must_use]
    pub fn new(parts: PipelineParts) -> Self {
        let rooms = Rooms {
            store: parts.store,
            plugins: parts.plugins,
            clock: parts.clock,
            ids: parts.ids,
            pepper: parts.pepper,
            mutation: parts.mutation,
            memory: Mutex::default(),
            lags: Mutex::default(),
        };
        Self { rooms: Arc::new(rooms) }
    }
}

/// The line itself: what each inbound says, who earns by it, what speaks against it, and the money.
///
/// # Errors
/// [`PipelineError`]; nothing of the batch stays, and the same batch may be given again.
pub(crate) async fn convert(
    rooms: &Rooms,
    mut parcels: Vec<Parcel>,
    intake: Option<&Intake>,
) -> Result<Vec<Posted>, PipelineError> {
    let mut passed_more = 0;
    for _ in 0..TERMS_RETRIES_MAX {
        let now = rooms.clock.now();
        let mut view = Box::pin(View::begin(&rooms.store, &rooms.memory, &parcels)).await?;
        adapt::adapt(rooms.adapting(&view), &view, &mut parcels).await?;
        Box::pin(view.load(&rooms.store, &parcels)).await?;
        attribute_batch(rooms.mutation, &mut view, &mut parcels);
        Box::pin(screen::screen(rooms.screening(now), &view, &mut parcels)).await?;
        let posted =
            Box::pin(post::post(rooms.posting(now, (intake, passed_more)), &view, &parcels)).await;
        view.keep(&rooms.memory);
        match posted {
            Ok(posted) => return Ok(posted),
            Err(PostRefused::Replayed { known, elsewhere }) => {
                passed_more += elsewhere;
                parcels.retain(|parcel| !known.contains(&parcel.inbound.event_id));
            }
            Err(PostRefused::TermsMoved) => {}
            Err(PostRefused::Ledger(error)) => return Err(PipelineError::Ledger(error)),
            Err(PostRefused::Store(error)) => return Err(error.into()),
        }
    }
    Err(PipelineError::Unsettled)
}

/// Attributes every claim whose order is not known yet, in order: a touch that one claim brings is
/// memory for the next.
fn attribute_batch(mutation: Mutation, view: &mut View, parcels: &mut [Parcel]) {
    for parcel in parcels {
        let Some(seen) = view.tenants.get_mut(&parcel.inbound.tenant) else { continue };
        let (Content::Claims(claims), Some(integration)) =
            (&mut parcel.content, &parcel.integration)
        else {
            continue;
        };
        for told in claims {
            let is_known = seen.known.contains(&told.order) && !mutation.drops_business_keys();
            let customer = told.claim.customer_ref.as_ref();
            let sight = attribute::Sight {
                objects: &seen.objects,
                ring: &view.ring,
                integration,
                touches: customer
                    .and_then(|customer| seen.touches.get(customer))
                    .map_or(&[], Vec::as_slice),
                event: parcel.inbound.event_id,
                received_at: parcel.inbound.received_at,
                is_own: parcel.clicked.is_some(),
                country: parcel.clicked.as_ref().and_then(|click| click.country.as_deref()),
            };
            let attributed = attribute::attribute(&sight, &told.claim, &told.keys);
            told.finding = if is_known { Finding::Open } else { attributed.finding };
            told.touches = attributed.touches;
            for touch in &told.touches {
                let own = seen.touches.entry(touch.customer_key.clone()).or_default();
                if !own.iter().any(|known| known.click_id == touch.click_id) {
                    own.push(touch.clone());
                }
            }
        }
    }
}

impl Rooms {
    /// Notes how far a partition is behind; the furthest behind is shown.
    fn lag(&self, partition: &Partition, lag: Duration) {
        let mut lags = self.lags.lock();
        lags.insert(partition.clone(), lag);
        metrics::pipeline_lag(lags.values().copied().max().unwrap_or_default());
    }

    const fn adapting<'a>(&'a self, view: &'a View) -> adapt::Bench<'a> {
        adapt::Bench { plugins: &self.plugins, ring: &view.ring, pepper: &self.pepper }
    }

    const fn screening(&self, now: Timestamp) -> screen::Bench<'_> {
        screen::Bench { plugins: &self.plugins, store: &self.store, ids: &self.ids, now }
    }

    const fn posting<'a>(
        &'a self,
        now: Timestamp,
        (intake, passed_more): (Option<&'a Intake>, u64),
    ) -> post::Bench<'a> {
        let Self { store, ids, mutation, .. } = self;
        post::Bench { store, ids, now, mutation: *mutation, intake, passed_more }
    }
}
