//! `PATCH /v1/advertisers/{id}`: an inactive one stops its keys, links and integrations.

use crate::api::advertisers::FIELDS;
use crate::api::advertisers::KIND;
use crate::api::advertisers::PATCHABLE;
use crate::api::advertisers::named;
use crate::api::advertisers::read;
use crate::api::advertisers::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/advertisers/{id}", run!(change))
    .says("Change an advertiser")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut input = call.patched(FIELDS, view(&row));
    let fields = read(&mut input);
    input.finish()?;
    row.name = fields.name;
    row.allowed_hosts = fields.allowed_hosts;
    row.billing = fields.billing;
    row.status = fields.status;
    call.tx.advertisers().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view(&row)))
}
