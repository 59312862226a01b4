//! `DELETE /v1/keys/{id}`: ends it now.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::keys::KIND;
use crate::api::keys::named;
use crate::api::keys::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/keys/{id}", run!(revoke)).says("Revoke an API key");

async fn revoke(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.revoked_at.is_none() {
        row.revoked_at = Some(call.now);
        call.tx.keys().update(&row, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
