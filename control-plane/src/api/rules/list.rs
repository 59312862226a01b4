//! `GET /v1/rules`: every rule by name, what nobody has set included.

use serde_json::Value;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::rules::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::list("/v1/rules", run!(list)).says("List the rules that judge").roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let rows = call.tx.rules().list().await?;
    let installed = call.api.plugins.plugins();
    let data: Vec<Value> = rows.iter().map(|row| view(row, &installed)).collect();
    Ok(Answer::rows(data, None))
}
