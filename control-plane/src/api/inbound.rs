//! The postback debugger: everything outside systems told us, and how it ended.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::clock::Timestamp;
use model::id::EventId;
use serde_json::Value;
use serde_json::json;
use store::inbound::InboundRow;
use store::listing::Reach;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::time::instant;
use crate::pipeline::PipelineError;
use crate::pipeline::ReprocessError;

mod get;
mod list;
mod replay;
mod unmatched;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[list::ENDPOINT, get::ENDPOINT, replay::ENDPOINT, unmatched::ENDPOINT];

/// Whether the caller sees what came through one advertiser's integration, or a network's.
fn is_seen(reach: Reach, advertiser: Option<model::id::AdvertiserId>) -> bool {
    match reach {
        Reach::Tenant => true,
        Reach::Advertiser(id) => advertiser == Some(id),
        Reach::Publisher(_) | Reach::Nothing => false,
    }
}

/// The inbound that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<InboundRow, Problem> {
    let id: EventId = call.path_id("event_id")?;
    let reach = call.reach();
    let row = call.tx.inbound().get(id).await?;
    row.filter(|row| is_seen(reach, row.advertiser)).ok_or(Problem::NotFound)
}

fn view(row: &InboundRow) -> Value {
    json!({
        "event_id": row.event.to_string(),
        "integration_id": row.integration.to_string(),
        "advertiser_id": row.advertiser.map(|id| id.to_string()),
        "channel": row.channel.as_str(),
        "received_at": instant(row.received_at),
        "processed_at": instant(row.processed_at),
        "method": row.method,
        "path": row.path,
        "outcome": row.outcome.as_str(),
        "reason": row.reason,
        "detail": row.detail,
        "conversion_id": row.conversion.map(|id| id.to_string()),
        "attempts": row.attempts,
    })
}

/// With the raw request and the claims as the adapter read them. A body that is no text comes as
/// base64.
fn detail(row: &InboundRow) -> Value {
    let mut fields = view(row);
    let text = row.body.as_deref().map(std::str::from_utf8);
    let (body, encoding) = match (text, &row.body) {
        (Some(Ok(text)), _) => (Value::from(text), "utf-8"),
        (Some(Err(_)), Some(bytes)) => (Value::from(STANDARD.encode(bytes)), "base64"),
        _ => (Value::Null, "none"),
    };
    let claims: Vec<Value> = row.claims.as_array().into_iter().flatten().map(claim_view).collect();
    fields["id"] = Value::from(row.event.to_string());
    fields["query"] = Value::from(row.query.clone());
    fields["headers"] = row.headers.clone();
    fields["body"] = body;
    fields["body_encoding"] = Value::from(encoding);
    fields["remote_prefix"] = row.remote_prefix.clone().into();
    fields["is_signed"] = Value::from(row.is_signed);
    fields["claim"] = claims.first().cloned().unwrap_or_default();
    fields["claims"] = Value::Array(claims);
    fields["explanation_url"] =
        row.conversion.map(|id| format!("/v1/conversions/{id}")).map_or(Value::Null, Value::from);
    fields["adapter"] = row.plugin.clone().unwrap_or_default();
    fields
}

/// A stored claim with its instants as the API writes them. Amounts stay text: their currency may
/// not be settled.
pub(crate) fn claim_view(claim: &Value) -> Value {
    let mut view = claim.clone();
    let Value::Object(fields) = &mut view else { return view };
    for (stored, shown) in [("occurred_at_us", "occurred_at"), ("updated_at_us", "updated_at")] {
        if let Some(micros) = fields.shift_remove(stored).and_then(|micros| micros.as_i64()) {
            fields.insert(shown.to_owned(), instant(Timestamp(micros)));
        }
    }
    view
}

impl From<ReprocessError> for Problem {
    fn from(error: ReprocessError) -> Self {
        match error {
            ReprocessError::NotFound => Self::NotFound,
            ReprocessError::NotPossible => Self::Conflict(FieldError::new(
                "event_id",
                "was not authenticated, or its raw request is not kept any more",
            )),
            ReprocessError::Pipeline(PipelineError::Wait) => Self::Busy,
            ReprocessError::Pipeline(PipelineError::Store(error)) => error.into(),
            ReprocessError::Pipeline(error) => Self::Internal(Box::new(error)),
        }
    }
}
