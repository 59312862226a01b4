//! `GET /v1/cases`: what a person must settle.

use serde_json::Value;
use serde_json::json;
use store::cases::CaseRow;

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::time::instant;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/cases", run!(list))
    .says("List what a person must settle, newest first")
    .roles(OPERATORS);

pub(super) fn view(row: &CaseRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "kind": row.kind.as_str(),
        "subject": row.subject,
        "detail": row.detail,
        "opened_at": instant(row.opened_at),
        "closed_at": instant(row.closed_at),
    })
}

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let rows = call.tx.cases().list_open().await?;
    let data = rows.iter().map(|row| with_kind("case", &mut view(row))).collect();
    Ok(Answer::rows(data, None))
}
