//! Writes what a batch came to, in few statements.

use std::collections::BTreeMap;

use model::conversion::ConversionStatus;
use model::inbound::Inbound;
use model::outcome::Outcome;
use serde_json::Value as Json;
use serde_json::json;
use store::conversions::Conversion;
use store::inbound::Ending;
use store::inbound::InboundRow;
use store::unit::BatchTx;

use super::PostRefused;
use super::draft::Draft;
use super::end::ClaimEnd;
use super::end::Posted;
use super::outcome::add_difference;
use super::outcome::outcome_of;
use super::outcome::plugin_json;
use crate::changed_back;
use crate::pipeline::claim_json;
use crate::pipeline::parcel::Content;
use crate::pipeline::parcel::Parcel;

/// Everything a tenant's part of the batch leaves behind.
pub(super) async fn write(tx: &mut BatchTx, draft: Draft<'_>) -> Result<Vec<Posted>, PostRefused> {
    let (tenant, now, mutation) = (draft.tenant, draft.bench.now, draft.bench.mutation);
    tx.ledger(tenant).post(&draft.books.commands, now).await?;
    let changed: Vec<_> = draft.open.values().filter(|open| open.is_changed).collect();
    let rows: Vec<&Conversion> = changed.iter().map(|open| &open.row).collect();
    tx.conversions(tenant).save(&rows).await?;
    tx.conversions(tenant).insert_revisions(&draft.revisions).await?;
    if !mutation.drops_business_keys() {
        tx.business_keys(tenant).claim(&draft.keys).await?;
    }
    let mut sums = BTreeMap::new();
    let mut outcomes = Vec::new();
    for open in &changed {
        add_difference(&mut sums, &open.row, open.counted);
        if open.status_before != Some(open.row.status) {
            outcomes.push(outcome_of(&open.row));
        }
    }
    tx.rollups(tenant).add_conversions(&sums).await?;
    tx.outcomes(tenant).insert(outcomes, now).await?;
    tx.cases(tenant).open(&draft.books.cases).await?;
    write_inbound(tx, &draft).await?;
    tx.unmatched(tenant).insert(draft.unmatched.clone()).await?;
    for (event, index) in &draft.matched_again {
        tx.unmatched(tenant).resolve(*event, *index, now).await?;
    }
    for caught in &draft.caught {
        tx.unmatched(tenant).resolve(caught.event, caught.claim_index, now).await?;
        let (event, conversion) = (caught.event, caught.conversion);
        tx.inbound(tenant).resolve(event, caught.outcome, conversion, now).await?;
    }
    for news in &draft.overtaken {
        tx.conversions(tenant).decide_revision(news).await?;
        let outcome = changed_back::outcome_of(news);
        tx.inbound(tenant).end_changed_back(news.event, outcome, now).await?;
    }
    tx.touches(tenant).insert(&draft.touches).await?;
    tx.journey(tenant).insert(draft.journey.clone()).await?;
    tx.rollups(tenant).add_events(&draft.events).await?;
    let status_of = |end: &ClaimEnd| -> Option<ConversionStatus> {
        draft.open.get(&end.conversion?).map(|open| open.row.status)
    };
    let posted = draft.ends.iter().map(|(parcel, end)| Posted {
        end: end.end.clone(),
        status: status_of(end),
        received_at: parcel.inbound.received_at,
    });
    Ok(posted.collect())
}

async fn write_inbound(tx: &mut BatchTx, draft: &Draft<'_>) -> Result<(), PostRefused> {
    let mut rows = Vec::new();
    for (parcel, end) in &draft.ends {
        if parcel.clicked.is_some() {
            // Nobody told it.
            continue;
        }
        let claims = match &parcel.content {
            Content::Claims(claims) => {
                claims.iter().map(|told| claim_json::to_json(&told.claim)).collect()
            }
            Content::Ended(_) | Content::Unread => Vec::new(),
        };
        let plugin = parcel.plugin.as_ref().map(|plugin| plugin_json(plugin));
        if parcel.place.again.is_none() {
            rows.push(inbound_row(parcel, end, (Json::Array(claims), plugin), draft.bench.now));
            continue;
        }
        if end.end.outcome == Outcome::Duplicate {
            // It has had its effect: what it ended as stays.
            continue;
        }
        let ending = Ending {
            event: parcel.inbound.event_id,
            outcome: end.end.outcome,
            reason: end.end.reason.clone(),
            detail: end.end.detail.clone(),
            claims: Json::Array(claims),
            conversion: end.conversion,
            plugin,
        };
        tx.inbound(draft.tenant).end_again(ending, draft.bench.now).await?;
    }
    Ok(tx.inbound(draft.tenant).insert(rows).await?)
}

fn inbound_row(
    parcel: &Parcel,
    end: &ClaimEnd,
    (claims, plugin): (Json, Option<Json>),
    now: model::clock::Timestamp,
) -> InboundRow {
    let advertiser = parcel.integration.as_ref().and_then(|own| own.advertiser);
    let mut row = raw_row(&parcel.inbound, (&parcel.place.partition, parcel.place.seq), now);
    row.advertiser = advertiser;
    row.outcome = end.end.outcome;
    row.reason.clone_from(&end.end.reason);
    row.detail.clone_from(&end.end.detail);
    row.claims = claims;
    row.conversion = end.conversion;
    row.plugin = plugin;
    row
}

/// An inbound as it was received, without an end.
pub(crate) fn raw_row(
    inbound: &Inbound,
    (partition, seq): (&store::offsets::Partition, u64),
    now: model::clock::Timestamp,
) -> InboundRow {
    let header = |(name, value): &(Box<str>, Box<str>)| json!([name, value]);
    InboundRow {
        event: inbound.event_id,
        integration: inbound.integration,
        advertiser: None,
        channel: inbound.channel,
        received_at: inbound.received_at,
        processed_at: now,
        topic: partition.topic.clone(),
        part: partition.part.clone(),
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        method: inbound.method.to_string(),
        path: inbound.path.to_string(),
        query: inbound.query.to_string(),
        headers: Json::Array(inbound.headers.iter().map(header).collect()),
        body: Some(inbound.body.clone()),
        remote_prefix: inbound.remote_prefix.map(|prefix| prefix.to_string()),
        is_signed: inbound.is_signed,
        outcome: Outcome::Refused,
        reason: inbound.refused.map(|reason| reason.as_str().to_owned()),
        detail: None,
        claims: Json::Array(Vec::new()),
        conversion: None,
        plugin: None,
        attempts: 1,
    }
}
