//! Timed and reviewed work on money: holds that end, conversions that a person decides, and the
//! checks of the books.
//!
//! Whatever changes a conversion here ends in `money::Books`, as it does in the pipeline:
//! the ledger follows from the conversion's state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use model::clock::Clock;
use model::clock::Timestamp;
use model::id::TenantId;
use store::conversions::Conversion;
use store::error::StoreError;
use store::ledger::PostError;
use store::rollups::ConversionSums;
use store::unit::BatchTx;
use store::unit::Store;
use tokio_util::sync::CancellationToken;

use crate::money::Books;
use crate::pipeline::IdSource;
use crate::pipeline::add_difference;
use crate::pipeline::outcome_of;
use pay::PayParts;

mod advance;
pub mod audit;
mod by_hand;
mod caps;
mod deliver;
mod office;
pub mod pay;
pub mod rebuild;
mod release;
mod review;
pub(crate) mod statement;
pub(crate) mod withheld;

pub use advance::AdvanceAsked;
pub use advance::AdvanceTerms;
pub use advance::Advanced;
pub use by_hand::CreditError;
pub use deliver::DeliverError;
pub use office::Received;
pub use review::Desk;
pub use review::ReviewError;
pub use review::Reviewer;

/// How often holds are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two counts of open work.
const MEASURE_TICKS: u32 = 15;

/// Ticks between two looks at whether the store has room for the months to come.
const TEND_TICKS: u32 = 3600;

/// Why settling failed. Nothing of the unit of work stays; the next run tries again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// A conversion does not fit the ledger: a broken invariant.
    #[error("ledger refused")]
    Ledger(#[from] LedgerError),
    /// The database refused.
    #[error("database failed")]
    Store(#[from] StoreError),
}

impl From<PostError> for SettleError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Ledger { source, .. } => Self::Ledger(source),
            PostError::Store(source) => Self::Store(source),
        }
    }
}

/// What the composition root hands in.
#[derive(Clone)]
pub struct SettleParts {
    /// Where conversions and the ledger are.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of transactions.
    pub ids: IdSource,
    /// How payouts are made.
    pub pay: Arc<PayParts>,
}

impl std::fmt::Debug for SettleParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SettleParts").finish_non_exhaustive()
    }
}

/// The settlement: releases holds, gives out review desks.
#[derive(Debug, Clone)]
pub struct Settle {
    parts: SettleParts,
}

impl Settle {
    /// A settlement over real parts.
    #[must_use]
    pub const fn new(parts: SettleParts) -> Self {
        Self { parts }
    }

    /// Where people decide about single conversions.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk::new(self.parts.clone())
    }

    /// Releases what is due now, in every tenant. Answers how many conversions were released.
    ///
    /// # Errors
    /// [`SettleError`]; what was released before stays released.
    pub async fn release_due(&self) -> Result<u64, SettleError> {
        release::release_due(&self.parts).await
    }

    /// Stops the links of what has no room left, and starts those that have some again. Answers how
    /// many changed.
    ///
    /// # Errors
    /// [`SettleError`]; the next run tries again.
    pub async fn stop_capped_links(&self) -> Result<usize, SettleError> {
        caps::stop_links(&self.parts).await
    }

    /// Releases once a second until told to stop, keeps the gauges of open work up to date, and the
    /// store ready for the months to come.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks: u32 = 0;
        while !stop.is_cancelled() {
            if let Err(error) = self.release_due().await {
                let error = crate::pipeline::chain(&error);
                tracing::error!(%error, "settle.release failed, trying again");
            }
            if let Err(error) = self.stop_capped_links().await {
                let error = crate::pipeline::chain(&error);
                tracing::error!(%error, "settle.caps failed, trying again");
            }
            if let Err(error) = Box::pin(self.send_due()).await {
                let error = crate::pipeline::chain(&error);
                tracing::error!(%error, "settle.pay failed, trying again");
            }
            if ticks.is_multiple_of(MEASURE_TICKS)
                && let Err(error) = release::measure(&self.parts).await
            {
                let error = crate::pipeline::chain(&error);
                tracing::warn!(%error, "settle.measure failed");
            }
            if ticks.is_multiple_of(TEND_TICKS)
                && let Err(error) = self.parts.store.tend(self.parts.clock.now()).await
            {
                let error = crate::pipeline::chain(&error);
                tracing::warn!(%error, "settle.tend failed, trying again in an hour");
            }
            ticks = ticks.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

/// A conversion that was changed, and what it counted for before.
pub(crate) struct Changed {
    pub(crate) row: Conversion,
    pub(crate) counted: ConversionSums,
}

/// Saves conversions together with their ledger commands, sums and outbox rows.
async fn save(
    tx: &mut BatchTx,
    tenant: TenantId,
    books: &Books<'_>,
    changed: &[Changed],
    now: Timestamp,
) -> Result<(), SettleError> {
    tx.ledger(tenant).post(&books.commands, now).await?;
    let rows: Vec<&Conversion> = changed.iter().map(|one| &one.row).collect();
    tx.conversions(tenant).save(&rows).await?;
    tx.cases(tenant).open(&books.cases).await?;
    let mut sums = BTreeMap::new();
    for one in changed {
        add_difference(&mut sums, &one.row, one.counted);
        crate::metrics::conversion(one.row.status);
    }
    tx.rollups(tenant).add_conversions(&sums).await?;
    let outcomes = rows.iter().map(|row| outcome_of(row)).collect();
    Ok(tx.outcomes(tenant).insert(outcomes, now).await?)
}
