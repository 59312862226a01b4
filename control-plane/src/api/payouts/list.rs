//! `GET /v1/payouts`.

use model::id::PayoutRunId;
use model::id::PublisherId;
use store::payouts::Payee;
use store::payouts::PayoutFilter;
use store::payouts::PayoutState;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::payouts::KIND;
use crate::api::payouts::view;

const QUERY: &[Field] = &[text("state"), text("publisher_id"), text("run_id")];

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/payouts", run!(list))
    .says("List payouts")
    .roles(OPERATORS_PUBLISHERS)
    .query(QUERY);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let filter = PayoutFilter {
        state: query.word("state", PayoutState::parse, PayoutState::ALL),
        payee: query.id::<PublisherId>("publisher_id").map(Payee::Publisher),
        run: query.id::<PayoutRunId>("run_id"),
    };
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.payouts().list(&filter, reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
