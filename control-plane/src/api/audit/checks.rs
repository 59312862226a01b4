//! `GET /v1/audit/checks`: A1 to A12, over the whole installation; each value must be zero.

use serde_json::Value;
use serde_json::json;
use store::tenants::DEFAULT_TENANT;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::settle::audit;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/audit/checks", run!(checks))
    .says("Run the checks of the books")
    .roles(OPERATORS);

async fn checks(call: &mut Call) -> Outcome {
    call.query().finish()?;
    // Details name rows, and those of other tenants are not for everybody.
    let is_told = call.tenant().await?.name == DEFAULT_TENANT;
    let checks = audit::run(&call.api.store, call.api.evidence.as_ref()).await?;
    let data: Vec<Value> = checks
        .iter()
        .map(|check| {
            let detail = is_told.then_some(&check.detail);
            json!({"check": check.check, "value": check.value, "detail": detail})
        })
        .collect();
    Ok(Answer::json(json!({ "data": data })))
}
