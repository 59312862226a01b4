//! `GET /v1/audit/log`: who changed what, newest first.

use serde_json::Value;
use serde_json::json;
use store::audit_log::LogRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::time::instant;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/audit/log", run!(log))
    .says("List who changed what")
    .roles(OPERATORS)
    .query(&[text("object_id")]);

async fn log(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let object = query.text("object_id", 64);
    query.finish()?;
    let page = call.tx.audit_log().list(object.as_deref(), &call.page).await?;
    let data: Vec<Value> = page.rows.iter().map(view).collect();
    Ok(Answer::rows(data, page.next))
}

fn view(row: &LogRow) -> Value {
    json!({
        "id": row.id,
        "at": instant(row.at),
        "actor": row.actor,
        "verb": row.verb,
        "object_kind": row.object_kind,
        "object_id": row.object_id,
        "detail": row.detail,
    })
}
