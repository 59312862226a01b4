//! `GET /v1/unmatched`: claims nobody could be credited for, newest first.

use serde_json::Value;
use serde_json::json;
use store::unmatched::UnmatchedFilter;
use store::unmatched::UnmatchedRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::inbound::claim_view;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::page::cut;
use crate::api::page::peek;
use crate::api::sight::narrow_to_advertiser;
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
    if !narrow_to_advertiser(call.reach(), &mut filter.advertiser) {
        return Ok(Answer::rows(Vec::new(), None));
    }
    let mut rows = call.tx.unmatched().list(&filter, &peek(&call.page)).await?;
    let next = cut(&mut rows, &call.page, UnmatchedRow::cursor);
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
        "line": row.order.line,
        "action": row.order.action,
        "claim": claim_view(&row.claim),
        "received_at": instant(row.received_at),
        "expires_at": instant(row.expires_at),
        "resolved_at": instant(row.resolved_at),
    })
}
