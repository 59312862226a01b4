//! Holds that ended: pending money becomes available.

use std::collections::BTreeMap;

use model::outcome::Reason;
use store::payouts::PayoutState;

use super::Changed;
use super::SettleError;
use super::SettleParts;
use super::save;
use crate::metrics;
use crate::money::Books;
use crate::pipeline::counted;

/// Conversions released in one database transaction at most.
const RELEASED_PER_BATCH: u32 = 256;

/// Releases what is due, tenant by tenant, batch by batch. What is due is read under the lock that
/// posts it.
pub(super) async fn release_due(parts: &SettleParts) -> Result<u64, SettleError> {
    let now = parts.clock.now();
    let mut tx = parts.store.read_batch().await?;
    let tenants = tx.credit_keys().tenants().await?;
    let mut busy = Vec::new();
    for tenant in tenants {
        // Looked up without the writer: most ticks release nothing.
        if !tx.conversions(tenant).due(now, 1).await?.is_empty() {
            busy.push(tenant);
        }
    }
    tx.cancel().await?;
    let mut released = 0;
    for tenant in busy {
        loop {
            let mut tx = parts.store.begin_batch().await?;
            let due = tx.conversions(tenant).due(now, RELEASED_PER_BATCH).await?;
            let mut books = Books::new(now, &parts.ids, "settle.release");
            let mut changed = Vec::with_capacity(due.len());
            for mut row in due {
                let (before, cause) = (counted(&row), row.revised_event);
                if books.release_if_free(&mut row, cause)? {
                    changed.push(Changed { row, counted: before });
                }
            }
            if changed.is_empty() {
                tx.cancel().await?;
                break;
            }
            save(&mut tx, tenant, &books, &changed, now).await?;
            tx.save().await?;
            released += u64::try_from(changed.len()).unwrap_or(0);
        }
    }
    Ok(released)
}

/// Sets the gauges of open work.
pub(super) async fn measure(parts: &SettleParts) -> Result<(), SettleError> {
    let now = parts.clock.now();
    let mut tx = parts.store.read_batch().await?;
    let tenants = tx.credit_keys().tenants().await?;
    let mut unmatched: BTreeMap<Reason, i64> =
        Reason::ALL.iter().map(|reason| (*reason, 0)).collect();
    let mut payouts: BTreeMap<&str, (PayoutState, i64)> =
        PayoutState::ALL.iter().map(|state| (state.as_str(), (*state, 0))).collect();
    let mut held = 0;
    for tenant in tenants {
        for (state, count) in tx.payouts(tenant).counts().await? {
            if let Some((_, sum)) = payouts.get_mut(state.as_str()) {
                *sum += count;
            }
        }
        held += tx.conversions(tenant).held_open().await?;
        for (reason, count) in tx.unmatched(tenant).open(now).await? {
            if let Some(sum) = Reason::parse(&reason).and_then(|word| unmatched.get_mut(&word)) {
                *sum += count;
            }
        }
    }
    tx.cancel().await?;
    let unmatched: Vec<(Reason, i64)> = unmatched.into_iter().collect();
    metrics::open_counts(&unmatched, held);
    let payouts: Vec<(PayoutState, i64)> = payouts.into_values().collect();
    metrics::payouts(&payouts);
    Ok(())
}
