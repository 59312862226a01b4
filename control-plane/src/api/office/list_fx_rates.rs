//! `GET /v1/fx-rates`.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::office::fx_rates::view;

/// Rates of one answer at most.
const RATES_MAX: u32 = 5_000;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/fx-rates", run!(list))
    .says("List rates of exchange, newest day first")
    .roles(OPERATORS);

async fn list(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let rows = call.tx.office().rates(RATES_MAX).await?;
    Ok(Answer::rows(rows.iter().map(view).collect(), None))
}
