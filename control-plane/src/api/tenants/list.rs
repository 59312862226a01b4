//! `GET /v1/tenants`: one's own; all for tenant `default`.

use serde_json::Value;
use store::tenants::DEFAULT_TENANT;

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::tenants::KIND;
use crate::api::tenants::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::list("/v1/tenants", run!(list)).says("List tenants").roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let own = call.tenant().await?;
    let mut rows = vec![own.clone()];
    if own.name == DEFAULT_TENANT {
        let mut sys = call.api.store.read_sys().await?;
        rows = sys.tenants().all().await?;
        sys.cancel().await?;
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    let after = call.page.after.take().unwrap_or_default();
    rows.retain(|row| after.is_empty() || row.id.to_string() < after);
    let limit = call.page.limit as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(|row| row.id.to_string());
    let data: Vec<Value> = rows.iter().map(|row| with_kind(KIND, &mut view(row))).collect();
    Ok(Answer::rows(data, next))
}
