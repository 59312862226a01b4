//! Tenants: operators' workspaces. Only tenant `default` makes and sees others.

use model::id::TenantId;
use model::money::BasisPoints;
use serde_json::Value;
use serde_json::json;
use store::tenants::DEFAULT_TENANT;
use store::tenants::TenantRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::money;
use crate::api::time;
use crate::api::time::instant;

mod change;
mod create;
mod get;
mod list;

/// Word of `tenant_id`.
const KIND: &str = "tenant";

const FIELDS: &[Field] = &[
    text("name").required(),
    field("default_share_pct", Kind::Percent),
    integer("default_fee_bp").note("default 2000"),
    text("locale").note("default ru-KZ"),
    text("time_zone").note("IANA name; default Asia/Almaty"),
];

const PATCHABLE: &[Field] = FIELDS;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, change::ENDPOINT];

/// Reads every field into `row`.
fn read(input: &mut Input, row: &mut TenantRow) {
    row.name = input.needs_text("name", 100);
    row.default_share = input.percent("default_share_pct").unwrap_or(BasisPoints::ZERO);
    row.default_fee = input.basis_points("default_fee_bp").unwrap_or(BasisPoints(2_000));
    row.locale = input.text("locale", 35).unwrap_or_else(|| "ru-KZ".to_owned());
    row.time_zone = input.text("time_zone", 64).unwrap_or_else(|| "Asia/Almaty".to_owned());
    if !time::is_zone(&row.time_zone) {
        input.refuse("time_zone", "must be an IANA name such as Asia/Almaty");
    }
}

fn view(row: &TenantRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "default_share_pct": money::percent(row.default_share),
        "default_fee_bp": row.default_fee.0,
        "locale": row.locale,
        "time_zone": row.time_zone,
        "created_at": instant(row.created_at),
    })
}

/// The tenant that the path names: one's own, or any for tenant `default`.
async fn named(call: &mut Call) -> Result<TenantRow, Problem> {
    let id: TenantId = call.path_id("id")?;
    let own = call.tenant().await?;
    if own.id == id {
        return Ok(own);
    }
    if own.name != DEFAULT_TENANT {
        return Err(Problem::NotFound);
    }
    let mut sys = call.api.store.read_sys().await?;
    let found = sys.tenants().get(id).await?;
    sys.cancel().await?;
    found.ok_or(Problem::NotFound)
}
