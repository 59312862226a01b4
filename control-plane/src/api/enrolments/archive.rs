//! `DELETE /v1/enrolments/{id}`: the publisher's links in the campaign stop.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::KIND;
use crate::api::enrolments::live_terms;
use crate::api::enrolments::named;
use crate::api::enrolments::view;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::archive("/v1/enrolments/{id}", run!(archive)).says("Archive an enrolment");

async fn archive(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let terms = live_terms(call, row.id).await?;
    if row.archived_at.is_none() {
        row.archived_at = Some(call.now);
        call.tx.enrolments().update(&row, call.now).await?;
    }
    Ok(Answer::object(KIND, view(call, &row, &terms).await?))
}
