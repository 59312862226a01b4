//! `DELETE /v1/advertisers/{id}`: takes it out of lists and stops everything of it.

use crate::api::advertisers::KIND;
use crate::api::advertisers::named;
use crate::api::advertisers::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/advertisers/{id}", run!(archive)).says("Archive an advertiser");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.advertisers().update(&row, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
