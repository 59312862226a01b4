//! `POST /v1/advertisers/{id}/keys`: a key of role advertiser. Its secret is shown once.

use model::catalog::Role;
use store::keys::KeyKind;

use crate::api::advertisers::named;
use crate::api::call::Call;
use crate::api::credential::NewKey;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::keys;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/advertisers/{id}/keys", run!(create_key))
        .says("Make an advertiser's API key")
        .fields(keys::OWN_FIELDS);

async fn create_key(call: &mut Call) -> Outcome {
    let advertiser = named(call).await?;
    let mut input = call.input();
    let name = input.text("name", 200);
    let (kind, origins) = keys::read_kind(&mut input);
    input.finish()?;
    let key = NewKey {
        tenant: call.caller.tenant,
        name: name.unwrap_or_else(|| advertiser.name.clone()),
        role: Role::Advertiser,
        kind: kind.unwrap_or(KeyKind::Secret),
        advertiser: Some(advertiser.id),
        publisher: None,
        shopper: None,
        origins,
    };
    keys::make(call, key).await
}
