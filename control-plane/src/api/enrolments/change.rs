//! `PATCH /v1/enrolments/{id}`: anything but `active` stops the publisher's links in the campaign.

use store::terms::TermScope;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::enrolments::FIELDS;
use crate::api::enrolments::KIND;
use crate::api::enrolments::PATCHABLE;
use crate::api::enrolments::currency;
use crate::api::enrolments::live_terms;
use crate::api::enrolments::named;
use crate::api::enrolments::read;
use crate::api::enrolments::view;
use crate::api::terms;

pub(super) const ENDPOINT: Endpoint = Endpoint::change("/v1/enrolments/{id}", run!(change))
    .says("Change an enrolment")
    .fields(PATCHABLE);

async fn change(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let mut live = live_terms(call, row.id).await?;
    let current = view(call, &row, &live).await?;
    let currency = currency(call, &row).await?;
    let mut input = call.patched(FIELDS, current);
    input.value("publisher_id");
    let fields = read(&mut input, currency);
    input.finish()?;
    row.status = fields.status;
    row.fixed_fee_minor = fields.fixed_fee_minor;
    call.tx.enrolments().update(&row, call.now).await?;
    if terms::differ(&fields.terms, &live) {
        let scope_id = row.id.to_string();
        let scope = (TermScope::Enrolment, scope_id.as_str());
        live = terms::rows(&fields.terms, scope, call.now, &mut call.rng);
        call.tx.terms().replace(scope, &live, call.now).await?;
    }
    Ok(Answer::object(KIND, view(call, &row, &live).await?))
}
