//! Adjustments: corrections by hand that two people agree on.

use model::id::AdjustmentId;
use model::money::Money;
use serde_json::Value;
use serde_json::json;
use store::office::AdjustmentRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::money;
use crate::api::time::instant;

mod approve;
mod create;
mod list;
mod reject;

/// Word of `adjustment_id`.
const KIND: &str = "adjustment";

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, approve::ENDPOINT, reject::ENDPOINT];

/// The adjustment that the path names.
async fn named(call: &mut Call) -> Result<AdjustmentRow, Problem> {
    let id: AdjustmentId = call.path_id("id")?;
    call.tx.office().adjustment(id).await?.ok_or(Problem::NotFound)
}

fn view(row: &AdjustmentRow) -> Value {
    let payee = row.payee.to_string();
    let of = |prefix: &str| payee.starts_with(prefix).then(|| payee.clone());
    json!({
        "id": row.id.to_string(),
        "publisher_id": of("pub_"),
        "shopper_id": of("shp_"),
        "direction": if row.amount_minor > 0 { "credit" } else { "debit" },
        "amount": money::view(Money::new(row.amount_minor.saturating_abs(), row.currency)),
        "reason": row.reason,
        "conversion_id": row.conversion.map(|id| id.to_string()),
        "status": row.status.as_str(),
        "made_by": row.made_by,
        "decided_by": row.decided_by,
        "decided_at": instant(row.decided_at),
        "transaction_id": row.transaction.map(|id| id.to_string()),
        "created_at": instant(row.created_at),
    })
}
