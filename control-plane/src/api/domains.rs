//! Tracking hosts of a tenant.

use model::id::DomainId;
use serde_json::Value;
use serde_json::json;
use store::domains::DomainRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::time::instant;

mod archive;
mod change;
mod create;
mod get;
mod list;

/// Word of `domain_id`.
const KIND: &str = "domain";

const FIELDS: &[Field] = &[
    text("host").required().note("without port; cannot be changed"),
    text("fallback_url").note("where unknown slugs and stopped links lead"),
];

const PATCHABLE: &[Field] = &[text("fallback_url")];

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, change::ENDPOINT, archive::ENDPOINT];

fn view(row: &DomainRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "host": row.host,
        "fallback_url": row.fallback_url,
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The domain that the path names.
async fn named(call: &mut Call) -> Result<DomainRow, Problem> {
    let id: DomainId = call.path_id("id")?;
    call.tx.domains().get(id).await?.ok_or(Problem::NotFound)
}
