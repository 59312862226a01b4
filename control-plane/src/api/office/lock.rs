//! `POST /v1/periods/{month}/lock`: from then on nobody outside changes that month.

use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::time;

pub(super) const ENDPOINT: Endpoint = Endpoint::act("/v1/periods/{month}/lock", "lock", run!(lock))
    .says("Lock a month: later news for it opens a case and moves nothing")
    .roles(FINANCE)
    .on_its_own();

async fn lock(call: &mut Call) -> Outcome {
    call.input().finish()?;
    let month = call.path.iter().find(|(name, _)| name == "month");
    let month = month.map(|(_, month)| month.clone()).unwrap_or_default();
    let first = time::parse_date(&format!("{month}-01")).ok_or(Problem::NotFound)?;
    let zone = call.tenant().await?.time_zone;
    let start = time::start_of(first, &zone).ok_or(Problem::NotFound)?;
    let end = first.last_of_month().tomorrow().ok();
    let end = end.and_then(|day| time::start_of(day, &zone)).ok_or(Problem::NotFound)?;
    if end > call.now {
        return Err(Problem::field("month", "is not over"));
    }
    let by = call.caller.key.to_string();
    let row = call.api.desk.lock_period(call.caller.tenant, (&month, start, end), &by).await?;
    Ok(Answer::json(json!({
        "month": row.month,
        "status": "locked",
        "locked_by": row.locked_by,
        "locked_at": time::instant(row.locked_at),
        "head_seq": row.head_seq,
    })))
}
