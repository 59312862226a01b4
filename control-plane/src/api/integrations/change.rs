//! `PATCH /v1/integrations/{id}`: a proof that is demanded for the first time is shown once.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::integrations::FIELDS;
use crate::api::integrations::KIND;
use crate::api::integrations::PATCHABLE;
use crate::api::integrations::Shown;
use crate::api::integrations::named;
use crate::api::integrations::read;
use crate::api::integrations::refuse_open_door;
use crate::api::integrations::renew_secrets;
use crate::api::integrations::view;
use crate::api::integrations::view_once;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/integrations/{id}", run!(change))
    .says("Change an integration")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut input = call.patched(FIELDS, view(&row, &call.api.public_url));
    let fields = read(call, &mut input);
    if row.builtin.is_none() {
        refuse_open_door(&mut input, &fields.auth);
    }
    input.value("advertiser_id");
    input.finish()?;
    row.name = fields.name;
    row.adapter = fields.adapter;
    row.order_space = fields.order_space.unwrap_or(row.order_space);
    row.auth = fields.auth;
    row.config = fields.config;
    row.status_map = fields.status_map;
    let shown = add_missing_secrets(call, &mut row);
    call.tx.integrations().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view_once(&row, &call.api.public_url, shown)))
}

/// Makes only those secrets that are demanded and not there yet.
fn add_missing_secrets(call: &mut Call, row: &mut store::integrations::IntegrationRow) -> Shown {
    let demanded = row.auth.clone();
    row.auth.token = demanded.token && row.token_hashes.is_empty();
    row.auth.hmac = demanded.hmac && row.hmac_secrets.is_empty();
    let times = (call.now, call.now);
    let shown = renew_secrets(row, &call.api.pepper, times, &mut call.rng);
    row.auth = demanded;
    shown
}
