//! Adapter `events`: one event of Gamma's own event API, as the daemon recorded it.
//!
//! The body is one event as JSON (`action`, `value`, `currency`, `properties`, `order_id`,
//! `customer_id`, `ts`, `status`, `coupon_code`, `click_id`, `ref_code`, `landing_url`,
//! `referrer`). Under `/event/{action}` the path says the action; a body that says another one
//! contradicts it. `ts` is when the event happened, and so when the order came to say what the
//! event says: it orders the news of an order. `properties.items` are the items of the order,
//! `properties.name` names an action `custom`.

use std::borrow::Cow;

use plugin_sdk::dialect::{Dialect, Field, STATUSES};
use plugin_sdk::json::Json;
use plugin_sdk::reader::Reader;
use plugin_sdk::types::{Action, Claim, Inbound, Refusal};

/// The names of the event API.
pub const DIALECT: Dialect = Dialect {
    names: &[
        (Field::ClickId, &["click_id"]),
        (Field::OrderRef, &["order_id", "order_ref"]),
        (Field::Amount, &["value"]),
        (Field::Currency, &["currency"]),
        (Field::CustomerRef, &["customer_id", "customer_ref"]),
        (Field::Status, &["status"]),
        (Field::Action, &["action"]),
        (Field::CouponCode, &["coupon_code"]),
        (Field::RefCode, &["ref_code"]),
        (Field::LandingUrl, &["landing_url"]),
        (Field::Referrer, &["referrer"]),
        (Field::OccurredAt, &["ts"]),
        (Field::UpdatedAt, &["ts"]),
    ],
    statuses: STATUSES,
    is_charge_stated: false,
    default_action: None,
    is_foreign_action_custom: false,
};

/// One event, one claim.
///
/// # Errors
/// As the reader and the claim refuse: `parse_error` (also for an absent or unknown action),
/// `bad_amount`.
pub fn parse(inbound: &Inbound, reader: &Reader) -> Result<Vec<Claim>, Refusal> {
    let mut fields = reader.read(inbound)?;
    if let Some((_, action)) = inbound.path.split_once("/event/") {
        fields.offer(Field::Action, 0, Cow::Borrowed(action))?;
    }
    let mut claim = reader.claim(&fields)?;
    let document = fields.document.as_ref();
    if let Some(properties) = document.and_then(|document| document.get("properties")) {
        if claim.items.is_empty()
            && let Some(items) = properties.get("items")
        {
            claim.items = reader.items_of(items)?;
        }
        if claim.action == Action::Custom && claim.custom_action.is_none() {
            let name = properties.get("name").and_then(Json::scalar);
            claim.custom_action = name.map(|name| name.chars().take(NAME_CHARS_MAX).collect());
        }
    }
    Ok(vec![claim])
}

/// Longest name of an own action; the rest is cut, because nothing depends on it.
const NAME_CHARS_MAX: usize = 64;

plugin_sdk::export_adapter!(DIALECT, parse);

#[cfg(test)]
mod tests {
    use plugin_sdk::testkit::check_adapter;

    #[test]
    fn recorded_cases_give_what_they_expect() {
        check_adapter(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), 8, super::adapt);
    }
}
