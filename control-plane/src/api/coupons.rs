//! Coupons: codes used at the shop that can earn for their publisher.

use model::id::CouponId;
use serde_json::Value;
use serde_json::json;
use store::coupons::CouponRow;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::time::instant;

mod archive;
mod create;
mod generate;
mod get;
mod invalidate;
mod list;
mod regenerate;

/// Word of `coupon_id`.
const KIND: &str = "coupon";

/// Longest code.
const CODE_CHARS_MAX: usize = 64;

const GENERATE: &[Field] = &[
    text("prefix"),
    integer("length").note("characters behind the prefix, 4 to 32; default 8"),
    text("alphabet").note("its characters, or letters | digits | alphanumeric | plain (default)"),
    integer("count").note("1 to 1000; default 1"),
];

const FIELDS: &[Field] = &[
    text("campaign_id").required(),
    text("publisher_id").note("absent: generic, never decides attribution"),
    text("code").note("either code or generate"),
    field("generate", Kind::Object(GENERATE)),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    regenerate::ENDPOINT,
    invalidate::ENDPOINT,
    archive::ENDPOINT,
];

/// A code as it is stored and compared: upper case.
fn folded(code: &str) -> String {
    code.to_uppercase()
}

/// Whether a code can be typed into a shop's field.
fn is_code(code: &str) -> bool {
    (2..=CODE_CHARS_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
}

fn view(row: &CouponRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "code": row.code,
        "campaign_id": row.campaign.to_string(),
        "publisher_id": row.publisher.map(|id| id.to_string()),
        "status": row.status.as_str(),
        "created_at": instant(row.created_at),
        "invalidated_at": instant(row.invalidated_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The coupon that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<CouponRow, Problem> {
    let id: CouponId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.coupons().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// Takes a coupon back. Its code stays taken.
async fn invalidated(call: &mut Call) -> Result<CouponRow, Problem> {
    let mut row = named(call).await?;
    if row.invalidated_at.is_none() {
        row.status = store::coupons::CouponStatus::Invalid;
        row.invalidated_at = Some(call.now);
        call.tx.coupons().update(&row).await?;
    }
    Ok(row)
}
