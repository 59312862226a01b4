//! Credited and screened claims into conversions and the ledger: one database transaction per
//! batch.
//!
//! Everything in it is set-wise: the rows of the batch are read with a few statements, every claim
//! is decided in order in memory, and what came of it is written with a few statements. The
//! transaction holds the only writer from its first statement on, so what is decided in memory is
//! decided under the lock.

use std::collections::HashSet;

use ledger::LedgerError;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::TenantId;
use store::error::StoreError;
use store::ledger::PostError;
use store::offsets::Advance;
use store::unit::BatchTx;
use store::unit::Store;

use super::IdSource;
use super::Intake;
use super::Mutation;
use super::clicks;
use super::look::View;
use super::parcel::Parcel;
use super::parcel::Place;

mod again;
pub(crate) mod create;
mod draft;
mod end;
mod journey;
mod locked;
pub(crate) mod news;
pub(crate) mod outcome;
mod usage;
mod write;

use draft::Draft;
pub(crate) use end::Posted;
pub(crate) use write::raw_row;

/// Why a batch was not posted. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostRefused {
    /// Some of the events were taken in before: drop them and post the rest.
    #[error("batch holds events that are known")]
    Replayed {
        /// Which.
        known: HashSet<EventId>,
        /// How many of them have their row under another place: the stream holds them twice.
        elsewhere: u64,
    },
    /// What decides amounts changed since the batch was attributed: attribute again.
    #[error("terms changed while the batch was prepared")]
    TermsMoved,
    /// An order that was known is gone, or amounts do not fit: a broken invariant.
    #[error("ledger refused")]
    Ledger(#[source] LedgerError),
    /// The database refused, or its answer is lost.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PostError> for PostRefused {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Ledger { source, .. } => Self::Ledger(source),
            PostError::Store(source) => Self::Store(source),
        }
    }
}

/// What posting needs beside the parcels.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) store: &'a Store,
    pub(crate) ids: &'a IdSource,
    pub(crate) now: Timestamp,
    pub(crate) mutation: Mutation,
    /// Where the batch came from; absent when stored inbounds go through again.
    pub(crate) intake: Option<&'a Intake>,
    /// Inbounds of the intake that have their row under another place.
    pub(crate) passed_more: u64,
}

/// Posts a batch, all or nothing.
///
/// # Errors
/// [`PostRefused`] says what to do next.
pub(crate) async fn post(
    bench: Bench<'_>,
    view: &View,
    parcels: &[Parcel],
) -> Result<Vec<Posted>, PostRefused> {
    let mut tx = bench.store.begin_batch().await?;
    let worked = post_in(&mut tx, bench, view, parcels).await;
    tx.end(worked).await
}

async fn post_in(
    tx: &mut BatchTx,
    bench: Bench<'_>,
    view: &View,
    parcels: &[Parcel],
) -> Result<Vec<Posted>, PostRefused> {
    if let Some(intake) = bench.intake {
        move_offset(tx, bench, intake).await?;
        clicks::keep(tx, intake, bench.now).await?;
    }
    let mut posted = Vec::with_capacity(parcels.len());
    for (tenant, seen) in &view.tenants {
        let own: Vec<&Parcel> =
            parcels.iter().filter(|parcel| parcel.inbound.tenant == *tenant).collect();
        if own.is_empty() {
            continue;
        }
        if tx.credit(*tenant).version().await?.terms != seen.objects.version.terms {
            return Err(PostRefused::TermsMoved);
        }
        take_in(tx, bench, *tenant, &own).await?;
        let mut draft = Draft::load(tx, bench, *tenant, &own).await?;
        for parcel in own {
            draft.take(parcel)?;
        }
        posted.extend(write::write(tx, draft).await?);
    }
    Ok(posted)
}

async fn move_offset(
    tx: &mut BatchTx,
    bench: Bench<'_>,
    intake: &Intake,
) -> Result<(), StoreError> {
    let Intake { assignment, .. } = intake;
    let advance = &Advance { passed: intake.advance.passed + bench.passed_more, ..intake.advance };
    #[cfg(debug_assertions)]
    if bench.mutation.drops_offset_cas() {
        return tx.offsets().advance_unlocked(assignment, advance, bench.now).await;
    }
    tx.offsets().advance(assignment, advance, bench.now).await
}

/// The inbox: what it knows already has had its effect.
async fn take_in(
    tx: &mut BatchTx,
    bench: Bench<'_>,
    tenant: TenantId,
    parcels: &[&Parcel],
) -> Result<(), PostRefused> {
    if bench.mutation.drops_inbox() {
        return Ok(());
    }
    let new = parcels.iter().filter(|parcel| parcel.place.again.is_none());
    let events: Vec<EventId> = new.map(|parcel| parcel.inbound.event_id).collect();
    let taken = tx.inbox(tenant).take(&events, bench.now).await?;
    if taken == u64::try_from(events.len()).unwrap_or(u64::MAX) {
        return Ok(());
    }
    let mut before = bench.store.read_batch().await?;
    let known = before.inbox(tenant).known(&events).await?;
    let listed: Vec<EventId> = known.iter().copied().collect();
    let places = before.inbound(tenant).places(&listed).await?;
    before.cancel().await?;
    let is_here = |parcel: &&&Parcel| {
        let Place { partition, seq, .. } = &parcel.place;
        let seq = i64::try_from(*seq).unwrap_or(i64::MAX);
        places.iter().any(|(event, of, at)| {
            *event == parcel.inbound.event_id && *of == **partition && *at == seq
        })
    };
    let replayed = parcels.iter().filter(|parcel| known.contains(&parcel.inbound.event_id));
    let told = replayed.filter(|parcel| parcel.clicked.is_none());
    let elsewhere = told.filter(|parcel| !is_here(parcel)).count();
    Err(PostRefused::Replayed { known, elsewhere: u64::try_from(elsewhere).unwrap_or(u64::MAX) })
}
