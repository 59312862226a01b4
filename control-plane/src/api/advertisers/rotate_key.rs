//! `POST /v1/advertisers/{id}/keys/{key_id}/rotate`: as `POST /v1/keys/{id}/rotate`, for keys of
//! this advertiser.

use model::catalog::Role;
use model::id::KeyId;

use crate::api::advertisers::named;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::keys;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/advertisers/{id}/keys/{key_id}/rotate", "rotate", run!(rotate_key))
        .says("Replace an advertiser's API key; the old one lives `overlap_hours`")
        .roles(&[Role::Admin, Role::Advertiser])
        .fields(keys::ROTATE_FIELDS);

async fn rotate_key(call: &mut Call) -> Outcome {
    let advertiser = named(call).await?;
    let id: KeyId = call.path_id("key_id")?;
    let reach = call.reach();
    let key = call.tx.keys().get(id, reach).await?.ok_or(Problem::NotFound)?;
    if key.advertiser != Some(advertiser.id) {
        return Err(Problem::NotFound);
    }
    keys::rotate(call, key).await
}
