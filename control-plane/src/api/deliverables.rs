//! Deliverables: content that publishers made, paid once when somebody approves it.

use model::id::DeliverableId;
use serde_json::Value;
use serde_json::json;
use store::deliverables::DeliverableRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::time::instant;
use crate::settle::DeliverError;

mod approve;
mod create;
mod get;
mod list;
mod reject;

/// Word of `deliverable_id`.
const KIND: &str = "deliverable";

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, approve::ENDPOINT, reject::ENDPOINT];

/// The deliverable that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<DeliverableRow, Problem> {
    let id: DeliverableId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.deliverables().get(id, reach).await?.ok_or(Problem::NotFound)
}

fn view(row: &DeliverableRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "campaign_id": row.campaign.to_string(),
        "publisher_id": row.publisher.to_string(),
        "advertiser_id": row.advertiser.to_string(),
        "url": row.url,
        "note": row.note,
        "status": row.status.as_str(),
        "conversion_id": row.conversion.map(|id| id.to_string()),
        "decided_by": row.decided_by,
        "decided_why": row.decided_why,
        "decided_at": instant(row.decided_at),
        "created_at": instant(row.created_at),
    })
}

impl From<DeliverError> for Problem {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::NotFound => Self::NotFound,
            DeliverError::Decided => Self::Conflict(FieldError::new("id", "is decided already")),
            DeliverError::Credit(error) => error.into(),
        }
    }
}
