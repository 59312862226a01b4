//! Conversions: what was earned, why, and what it still waits for.

use model::catalog::Role;
use model::clock::Timestamp;
use model::id::ConversionId;
use serde_json::Value;
use serde_json::json;
use store::conversions::Conversion;
use store::conversions::RevisionRow;
use store::listing::Reach;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::money;
use crate::api::time::instant;
use crate::settle::ReviewError;
use crate::settle::SettleError;

mod approve;
mod create;
mod get;
mod list;
mod reject;

/// Word of `conversion_id`.
const KIND: &str = "conversion";

/// Parts of an explanation that speak of other people's clicks and of how fraud is found.
const OPERATORS_ONLY: &[&str] = &["candidates", "next_best", "fraud"];

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[list::ENDPOINT, create::ENDPOINT, get::ENDPOINT, approve::ENDPOINT, reject::ENDPOINT];

/// Whether the caller sees it.
fn is_seen(reach: Reach, row: &Conversion) -> bool {
    match reach {
        Reach::Tenant => true,
        Reach::Advertiser(id) => row.advertiser == id,
        Reach::Publisher(id) => row.publisher == id,
        Reach::Nothing => false,
    }
}

/// The conversion that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<Conversion, Problem> {
    let id: ConversionId = call.path_id("id")?;
    let reach = call.reach();
    let row = call.tx.conversions().get(id).await?;
    row.filter(|row| is_seen(reach, row)).ok_or(Problem::NotFound)
}

fn view(row: &Conversion, now: Timestamp) -> Value {
    let awaiting: Vec<&str> = row.awaiting(now).iter().map(|word| word.as_str()).collect();
    json!({
        "id": row.id.to_string(),
        "status": row.status.as_str(),
        "awaiting": awaiting,
        "held_by": row.held_by,
        "reason": row.reason,
        "outside_status": row.outside_status.as_str(),
        "action": row.order.action,
        "order_ref": row.order.order_ref,
        "order_space": row.order.order_space,
        "line": row.order.line,
        "integration_id": row.integration.to_string(),
        "advertiser_id": row.advertiser.to_string(),
        "campaign_id": row.campaign.to_string(),
        "offer_id": row.offer.to_string(),
        "publisher_id": row.publisher.to_string(),
        "enrolment_id": row.enrolment.map(|id| id.to_string()),
        "link_id": row.link.map(|id| id.to_string()),
        "coupon_id": row.coupon.map(|id| id.to_string()),
        "shopper_id": row.shopper.map(|id| id.to_string()),
        "click_id": row.click_id,
        "rule": row.rule.as_str(),
        "order_amount": row.order_amount().map(money::view),
        "charge": money::view(row.split.charge),
        "fee": money::view(row.split.fee),
        "commission": money::view(row.split.commission),
        "shopper": money::view(row.split.shopper),
        "tax": money::view(row.split.tax()),
        "net": money::view(row.split.net),
        "hold_days": row.hold_days,
        "claimed_at": instant(row.claimed_at),
        "clicked_at": instant(row.clicked_at),
        "approved_at": instant(row.approved_at),
        "release_at": instant(row.release_at),
        "released_at": instant(row.released_at),
        "revision": row.revision,
        "reviewed_by": row.reviewed_by,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    })
}

/// With the explanation and every news.
fn detail(row: &Conversion, revisions: &[RevisionRow], (now, role): (Timestamp, Role)) -> Value {
    let mut fields = view(row, now);
    let mut explanation = row.explanation.clone();
    if let (Role::Publisher | Role::Advertiser, Value::Object(parts)) = (role, &mut explanation) {
        parts.retain(|name, _| !OPERATORS_ONLY.contains(&name.as_str()));
    }
    fields["explanation"] = explanation;
    fields["revisions"] = revisions.iter().map(|revision| revision_view(revision, row)).collect();
    fields
}

fn revision_view(revision: &RevisionRow, row: &Conversion) -> Value {
    let amount = revision.amount_minor.map(|minor| money::minor(minor, row.order_currency));
    json!({
        "event_id": revision.event.to_string(),
        "revision": revision.revision,
        "effect": revision.effect.as_str(),
        "integration_id": revision.integration.to_string(),
        "status": revision.status.as_str(),
        "order_amount": amount,
        "outside_at": instant(revision.outside_at),
        "received_at": instant(revision.received_at),
        "decided_by": revision.decision.as_ref().map(|decision| &decision.by),
        "decided_why": revision.decision.as_ref().and_then(|decision| decision.why.as_ref()),
    })
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::NotFound => Self::NotFound,
            ReviewError::NotOpen => {
                Self::Conflict(FieldError::new("id", "does not wait for a person"))
            }
            ReviewError::Settle(SettleError::Store(error)) => error.into(),
            ReviewError::Settle(error) => Self::Internal(Box::new(error)),
        }
    }
}
