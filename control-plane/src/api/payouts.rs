//! Payouts: runs, what became of each payout, and what a person settles by hand.

use model::id::PayoutId;
use model::id::PayoutRunId;
use model::money::Money;
use serde_json::Value;
use serde_json::json;
use store::payouts::PayoutRow;
use store::payouts::RunRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::money;
use crate::api::time::instant;
use crate::settle::pay::PayError;

mod approve_run;
mod file;
mod get;
mod get_run;
mod list;
mod list_runs;
mod reject_run;
mod resolve;
mod results;
mod run;

/// Word of `payout_id`.
const KIND: &str = "payout";
/// Word of `run_id`.
const RUN_KIND: &str = "run";

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    run::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    list_runs::ENDPOINT,
    get_run::ENDPOINT,
    approve_run::ENDPOINT,
    reject_run::ENDPOINT,
    file::ENDPOINT,
    results::ENDPOINT,
    resolve::ENDPOINT,
];

/// The payout that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<PayoutRow, Problem> {
    let id: PayoutId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.payouts().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// The run that the path names.
async fn named_run(call: &mut Call) -> Result<RunRow, Problem> {
    let id: PayoutRunId = call.path_id("id")?;
    call.tx.payouts().run(id).await?.ok_or(Problem::NotFound)
}

fn view(row: &PayoutRow) -> Value {
    let payee = row.payee.to_string();
    let of = |prefix: &str| payee.starts_with(prefix).then(|| payee.clone());
    json!({
        "id": row.id.to_string(),
        "run_id": row.run.to_string(),
        "publisher_id": of("pub_"),
        "shopper_id": of("shp_"),
        "rail": row.rail,
        "state": row.state.as_str(),
        "status": row.state.as_str(),
        "amount": money::view(Money::new(row.amount_minor, row.currency)),
        "reference": row.rail_reference,
        "detail": row.detail,
        "sends": row.sends,
        "resolved_by": row.resolved_by,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    })
}

fn view_run(row: &RunRow, payouts: &[PayoutRow]) -> Value {
    let payouts: Vec<Value> =
        payouts.iter().map(|row| crate::api::answer::with_kind(KIND, &mut view(row))).collect();
    json!({
        "id": row.id.to_string(),
        "state": row.state.as_str(),
        "rail": row.rail,
        "paid_count": payouts.len(),
        "made_by": row.made_by,
        "decided_by": row.decided_by,
        "skipped": row.skipped,
        "payouts": payouts,
        "created_at": instant(row.created_at),
        "decided_at": instant(row.decided_at),
    })
}

impl From<PayError> for Problem {
    fn from(error: PayError) -> Self {
        match error {
            PayError::NotFound => Self::NotFound,
            PayError::NotNow(why) => Self::Conflict(FieldError::new("id", why)),
            PayError::SamePerson => {
                Self::Conflict(FieldError::new("id", "a second person is needed"))
            }
            PayError::Input(why) => Self::field("results", &why),
            PayError::Ledger(error) => Self::Internal(Box::new(error)),
            PayError::Store(error) => error.into(),
        }
    }
}
