//! `PATCH /v1/links/{id}`: where it leads, until when, and how much.

use model::catalog::Role;
use store::listing::Reach;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::links::Addresses;
use crate::api::links::KIND;
use crate::api::links::PATCHABLE;
use crate::api::links::advertiser_of;
use crate::api::links::named;
use crate::api::links::read_changeable;
use crate::api::links::view;
use crate::api::urls::Fallbacks;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/links/{id}", run!(change))
    .says("Change a link")
    .roles(&[Role::Admin, Role::Publisher])
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let addresses = Addresses::of(call).await?;
    let offer = match row.offer {
        Some(id) => call.tx.offers().get(id, Reach::Tenant).await?,
        None => None,
    };
    let advertiser = advertiser_of(call, offer.as_ref()).await?;
    let mut input = call.patched(PATCHABLE, view(&row, &addresses));
    let fallbacks = Fallbacks::of(call).await?;
    read_changeable(&mut input, &mut row, (advertiser.as_ref(), &fallbacks));
    input.finish()?;
    call.tx.links().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view(&row, &addresses)))
}
