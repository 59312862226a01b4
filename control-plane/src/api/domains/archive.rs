//! `DELETE /v1/domains/{id}`: its links are no longer served there.

use model::id::DomainId;
use store::domains::DomainRow;
use store::tenants::DEFAULT_TENANT;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::KIND;
use crate::api::domains::named;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/domains/{id}", run!(archive)).says("Take a tracking host out of use");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.domains().archive(row.id, call.now).await?;
        answer_everywhere_again(call, &row).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}

/// Tenant `default` owns every host until a domain is added, so also when its last one is gone.
async fn answer_everywhere_again(call: &mut Call, gone: &DomainRow) -> Result<(), Problem> {
    let is_default = call.tx.own_tenant().get().await?.name == DEFAULT_TENANT;
    if !is_default || gone.host == "*" || !call.tx.domains().live().await?.is_empty() {
        return Ok(());
    }
    let row = DomainRow {
        id: DomainId::new(call.now, &mut call.rng),
        host: "*".to_owned(),
        fallback_url: None,
        created_at: call.now,
        archived_at: None,
    };
    Ok(call.tx.domains().insert(&row).await?)
}
