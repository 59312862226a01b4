//! The control lane: facts about the daemon. Refusals become rows of the debugger, shed clicks
//! become counts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use model::clock::Timestamp;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::inbound::RefusedReason;
use model::record::RecordKind;
use model::wire;
use sha2::Digest;
use sha2::Sha256;
use store::error::StoreResult;
use store::inbound::InboundRow;
use store::offsets::Partition;
use store::unit::BatchTx;

use super::consume::SourceRecord;
use super::post::raw_row;
use crate::metrics;

/// The reason of refusals for integrations that nobody knows: they have no integration under which
/// they could be counted.
const STRANGER: &str = RefusedReason::UnknownIntegration.as_str();

/// Keeps what the records say, inside the unit of work that moves the offset.
pub(super) async fn keep(
    tx: &mut BatchTx,
    partition: &Partition,
    records: &[SourceRecord],
    now: Timestamp,
) -> StoreResult<()> {
    let mut rows: BTreeMap<TenantId, Vec<InboundRow>> = BTreeMap::new();
    for record in records {
        if RecordKind::from_byte(record.kind) != Some(RecordKind::Refusal) {
            continue;
        }
        // A refusal that cannot be read shows nothing to anybody.
        let Ok(inbound) = wire::decode_inbound(&record.payload) else { continue };
        let row = raw_row(&inbound, (partition, record.seq), now);
        rows.entry(inbound.tenant).or_default().push(row);
    }
    for (tenant, rows) in rows {
        let is_stranger = |row: &InboundRow| row.reason.as_deref() == Some(STRANGER);
        let has_strangers = rows.iter().any(is_stranger);
        let known = rows.iter().filter(|row| !is_stranger(row));
        let integrations: BTreeSet<IntegrationId> = known.map(|row| row.integration).collect();
        metrics::refused(rows.len());
        tx.inbound(tenant).insert(rows).await?;
        for integration in integrations {
            tx.inbound(tenant).trim_refused(integration).await?;
        }
        if has_strangers {
            tx.inbound(tenant).trim_strangers().await?;
        }
    }
    Ok(())
}

/// Stands for a record of a form that this program does not know: of no tenant, under an id made of
/// its place.
pub(super) fn undecodable(record: &SourceRecord, partition: &Partition) -> Inbound {
    let mut hasher = Sha256::new();
    hasher.update(partition.topic.as_bytes());
    hasher.update([0]);
    hasher.update(partition.part.as_bytes());
    hasher.update(record.seq.to_be_bytes());
    let hash = hasher.finalize();
    let mut bits = [0_u8; 16];
    bits.copy_from_slice(&hash[..16]);
    Inbound {
        event_id: EventId(u128::from_be_bytes(bits)),
        tenant: TenantId(0),
        integration: IntegrationId(0),
        channel: Channel::Import,
        received_at: record.received_at,
        method: Box::from(""),
        path: Box::from(""),
        query: Box::from(""),
        headers: Vec::new(),
        body: record.payload.to_vec(),
        remote_prefix: None,
        is_signed: false,
        refused: None,
    }
}
