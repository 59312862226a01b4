//! `DELETE /v1/integrations/{id}`: the daemon refuses it from then on. Built-in ones end with their
//! advertiser only.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::integrations::KIND;
use crate::api::integrations::named;
use crate::api::integrations::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/integrations/{id}", run!(archive)).says("Archive an integration");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    if row.builtin.is_some() {
        let error = FieldError::new("id", "is built in and ends with its advertiser");
        return Err(Problem::Conflict(error));
    }
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.integrations().update(&row, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row, &call.api.public_url)))
}
