//! `GET /v1/unmatched`: claims nobody could be credited for, newest first.

use serde_json::Value;
use serde_json::json;
use store::listing::Reach;
use store::unmatched::UnmatchedFilter;
use store::unmatched::UnmatchedRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::inbound::is_seen;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::page::next_of;
use crate::api::time::instant;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/unmatched", run!(list))
    .says("List claims that nobody could be credited for")
    .roles(OPERATORS_ADVERTISERS)
    .query(&[
        text("integration_id"),
        text("advertiser_id"),
        text("reason"),
        field("open", Kind::Flag).note("true: neither resolved nor expired"),
    ]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let mut filter = UnmatchedFilter {
        integration: query.id("integration_id"),
        advertiser: query.id("advertiser_id"),
        reason: query.text("reason", 100),
        open_at: query.flag("open").filter(|open| *open).map(|_| call.now),
    };
    query.finish()?;
    let reach = call.reach();
    if let Reach::Advertiser(id) = reach {
        filter.advertiser = filter.advertiser.or(Some(id));
    }
    let mut rows = call.tx.unmatched().list(&filter, &call.page).await?;
    let next = next_of(&rows, &call.page, |row| row.event.to_string());
    rows.retain(|row| is_seen(reach, row.advertiser));
    let data: Vec<Value> = rows.iter().map(view).collect();
    Ok(Answer::rows(data, next))
}

fn view(row: &UnmatchedRow) -> Value {
    json!({
        "event_id": row.event.to_string(),
        "claim_index": row.claim_index,
        "integration_id": row.integration.to_string(),
        "advertiser_id": row.advertiser.map(|id| id.to_string()),
        "reason": row.reason,
        "order_ref": row.order.order_ref,
        "order_space": row.order.order_space,
        "action": row.order.action,
        "claim": row.claim,
        "received_at": instant(row.received_at),
        "expires_at": instant(row.expires_at),
        "resolved_at": instant(row.resolved_at),
    })
}
