//! `PATCH /v1/tenants/{id}`: one's own only. Tenant `default` keeps its name.

use store::tenants::DEFAULT_TENANT;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::tenants::FIELDS;
use crate::api::tenants::KIND;
use crate::api::tenants::PATCHABLE;
use crate::api::tenants::named;
use crate::api::tenants::read;
use crate::api::tenants::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/tenants/{id}", run!(change))
    .says("Change one's own tenant")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.id != call.caller.tenant {
        return Err(Problem::NotFound);
    }
    let name = row.name.clone();
    let mut input = call.patched(FIELDS, view(&row));
    read(&mut input, &mut row);
    if name == DEFAULT_TENANT && row.name != name {
        input.refuse("name", "of the first tenant cannot be changed");
    }
    input.finish()?;
    call.tx.own_tenant().update(&row).await?;
    Ok(Answer::object(KIND, view(&row)))
}
