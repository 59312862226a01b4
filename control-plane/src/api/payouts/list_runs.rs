//! `GET /v1/payouts/runs`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::payouts::RUN_KIND;
use crate::api::payouts::view_run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::list("/v1/payouts/runs", run!(list)).says("List payout runs").roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let page = call.tx.payouts().runs(&call.page).await?;
    let mut data = Vec::new();
    for run in &page.rows {
        let payouts = call.tx.payouts().of_run(run.id).await?;
        let mut shown = view_run(run, &payouts);
        shown["payouts"] = serde_json::Value::Null;
        data.push(crate::api::answer::with_kind(RUN_KIND, &mut shown));
    }
    Ok(Answer::rows(data, page.next))
}
