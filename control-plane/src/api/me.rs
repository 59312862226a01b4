//! `GET /v1/me`: who the credential is.

use model::catalog::Role;
use serde_json::json;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::get("/v1/me", run!(me))
    .says("Show whose credential this is and what it may do")
    .roles(Role::ALL)];

async fn me(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let tenant = call.tenant().await?;
    let caller = &call.caller;
    Ok(Answer::json(json!({
        "tenant_id": tenant.id.to_string(),
        "tenant": tenant.name,
        "key_id": caller.key.to_string(),
        "role": caller.role.as_str(),
        "advertiser_id": caller.advertiser.map(|id| id.to_string()),
        "publisher_id": caller.publisher.map(|id| id.to_string()),
    })))
}
