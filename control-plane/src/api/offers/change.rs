//! `PATCH /v1/offers/{id}`: new terms count from now on, a past conversion keeps those it had.

use model::id::AdvertiserId;
use store::listing::Reach;
use store::terms::TermScope;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::offers::FIELDS;
use crate::api::offers::KIND;
use crate::api::offers::PATCHABLE;
use crate::api::offers::live_terms;
use crate::api::offers::named;
use crate::api::offers::read;
use crate::api::offers::view;
use crate::api::terms;
use crate::api::urls::Fallbacks;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::change("/v1/offers/{id}", run!(change)).says("Change an offer").fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut live = live_terms(call, row.id).await?;
    let mut input = call.patched(FIELDS, view(&row, &live));
    input.id::<AdvertiserId>("advertiser_id");
    let advertiser = call.tx.advertisers().get(row.advertiser, Reach::Tenant).await?;
    let fallbacks = Fallbacks::of(call).await?;
    let around = (advertiser.as_ref(), &fallbacks);
    let given_terms = read(&mut input, &mut row, around).unwrap_or_default();
    input.finish()?;
    call.tx.offers().update(&row, call.now).await?;
    if terms::differ(&given_terms, &live) {
        let scope_id = row.id.to_string();
        let scope = (TermScope::Offer, scope_id.as_str());
        live = terms::rows(&given_terms, scope, call.now, &mut call.rng);
        call.tx.terms().replace(scope, &live, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row, &live)))
}
