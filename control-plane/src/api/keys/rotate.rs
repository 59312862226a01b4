//! `POST /v1/keys/{id}/rotate`: a new key of the same powers; the old one lives on for a while.

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::keys;
use crate::api::keys::ROTATE_FIELDS;
use crate::api::keys::named;

pub(super) const ENDPOINT: Endpoint = Endpoint::act("/v1/keys/{id}/rotate", "rotate", run!(rotate))
    .says("Replace an API key; the old one lives `overlap_hours`")
    .fields(ROTATE_FIELDS);

async fn rotate(call: &mut Call) -> Outcome {
    let key = named(call).await?;
    keys::rotate(call, key).await
}
