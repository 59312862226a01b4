//! `GET /v1/advertisers/{id}/payments`.

use model::id::AdvertiserId;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::office::payment::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/advertisers/{id}/payments", run!(list))
    .says("List payments of an advertiser")
    .roles(OPERATORS_ADVERTISERS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let id: AdvertiserId = call.path_id("id")?;
    let reach = call.reach();
    let advertiser = call.tx.advertisers().get(id, reach).await?.ok_or(Problem::NotFound)?;
    let subject = advertiser.id.to_string();
    let page = call.tx.office().payments(Some(&subject), &call.page).await?;
    Ok(Answer::page("payment", page, view))
}
