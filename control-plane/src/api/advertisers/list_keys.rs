//! `GET /v1/advertisers/{id}/keys`.

use crate::api::advertisers::named;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::keys;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/advertisers/{id}/keys", run!(list_keys))
    .says("List an advertiser's API keys")
    .with_archive()
    .roles(OPERATORS_ADVERTISERS);

async fn list_keys(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let advertiser = named(call).await?;
    let reach = call.reach();
    let page = call.tx.keys().list(Some(advertiser.id), reach, &call.page).await?;
    Ok(Answer::page(keys::KIND, page, keys::view))
}
