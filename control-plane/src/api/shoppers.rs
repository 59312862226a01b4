//! Shoppers: end buyers who may get cashback.

use serde_json::Value;
use serde_json::json;
use store::shoppers::ShopperRow;

use crate::api::endpoint::Endpoint;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::time::instant;

mod create;
mod get;
mod list;

/// Word of `shopper_id`.
const KIND: &str = "shopper";

const FIELDS: &[Field] = &[
    text("user_id").required().note("the operator's own name for the person"),
    text("phone").note("+77010000000"),
    text("email"),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT];

fn view(row: &ShopperRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "user_id": row.user_id,
        "phone": row.phone,
        "email": row.email,
        "created_at": instant(row.created_at),
    })
}
