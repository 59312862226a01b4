//! Caps as the daemons see them: links of what is used up stop, and start again with the next day
//! or month, or when something is taken back.
//!
//! The pipeline decides exactly and under its lock; this only keeps shoppers from being sent where
//! nobody pays any more, at most a second later.

use model::clock::Timestamp;
use model::id::TenantId;
use store::rollups::UsedBy;
use store::unit::BatchTx;

use super::SettleError;
use super::SettleParts;
use crate::calendar;
use crate::pipeline::caps;
use crate::pipeline::caps::Period;

/// Stops and starts links, tenant by tenant.
pub(super) async fn stop_links(parts: &SettleParts) -> Result<usize, SettleError> {
    let now = parts.clock.now();
    let mut tx = parts.store.read_batch().await?;
    let tenants = tx.credit_keys().tenants().await?;
    let mut found = Vec::new();
    for tenant in tenants {
        let full = full(&mut tx, tenant, now).await?;
        let moves = tx.limited(tenant).moves(&full).await?;
        if !moves.is_empty() {
            found.push((tenant, moves));
        }
    }
    tx.cancel().await?;
    let mut moved = 0;
    for (tenant, moves) in found {
        let mut tx = parts.store.begin_batch().await?;
        tx.limited(tenant).mark(&moves, now).await?;
        tx.save().await?;
        moved += moves.len();
    }
    Ok(moved)
}

/// What has no room left.
async fn full(
    tx: &mut BatchTx,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Vec<UsedBy>, SettleError> {
    let limited = tx.limited(tenant).list().await?;
    if limited.is_empty() {
        return Ok(Vec::new());
    }
    let zone = tx.credit(tenant).time_zone().await?.unwrap_or_default();
    let zone = calendar::zone(&zone);
    let mut full = Vec::new();
    for one in limited {
        let span = |period: Period| calendar::span(period, now, &zone);
        for cap in caps::of_json(&one.caps, (one.by, one.currency), span) {
            let used = tx.rollups(tenant).used(&cap.usage).await?;
            let clicks = tx.rollups(tenant).clicks_used(&cap.usage).await?;
            if cap.is_used_up(used, clicks) {
                full.push(one.by);
                break;
            }
        }
    }
    Ok(full)
}
