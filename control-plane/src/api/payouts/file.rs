//! `GET /v1/payouts/runs/{id}/file`: the bank file, the same whenever it is asked for.

use serde_json::Value;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::payouts::named_run;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/payouts/runs/{id}/file", run!(file))
    .says("The bank file of an approved run, as CSV")
    .roles(FINANCE)
    .answers("text/csv")
    .on_its_own();

async fn file(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named_run(call).await?;
    let text = call.api.desk.bank_file(call.caller.tenant, row.id).await?;
    Ok(Answer::json(Value::String(text)))
}
