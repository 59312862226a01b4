//! Adapter `trackier`: the publisher postback of a Trackier account, and its conversion rows.
//!
//! Our click id went out as `p1`. It comes back as `p1` or, where the postback was registered so,
//! as `click_id`; but `click_id` may also be Trackier's own, so both are candidates and the host
//! takes the one whose MAC is good. The payout they state is the charge we are owed. `_id` is never
//! an order: the postback does not carry it, and both channels must make the same key.

use plugin_sdk::dialect::{Dialect, Field, STATUSES, names};
use plugin_sdk::reader::Reader;
use plugin_sdk::types::{Action, Claim, Inbound, Refusal};

/// Trackier's names, before the usual ones of the trade.
pub const DIALECT: Dialect = Dialect {
    names: &[
        (Field::ClickId, &["click_id"]),
        (Field::OtherClickId, &["p1"]),
        (
            Field::OrderRef,
            &["txn_id", "txnId", "order_ref", "order_id", "order", "tid", "txid", "invoice"],
        ),
        (Field::Amount, &["sale_amount", "sale", "amount", "order_value", "value"]),
        (Field::Charge, &["payout", "charge", "revenue"]),
        (Field::Currency, names::CURRENCY),
        (Field::CustomerRef, names::CUSTOMER_REF),
        (Field::Status, names::STATUS),
        (Field::Action, &["action", "event", "goal_value", "goal_id", "goal"]),
        (Field::CouponCode, names::COUPON_CODE),
        (Field::RefCode, names::REF_CODE),
        (Field::LandingUrl, names::LANDING_URL),
        (Field::Referrer, names::REFERRER),
    ],
    statuses: STATUSES,
    is_charge_stated: true,
    default_action: Some(Action::Purchase),
    is_foreign_action_custom: true,
};

/// One postback or row, one claim.
///
/// # Errors
/// As the reader and the claim refuse: `parse_error`, `bad_amount`.
pub fn parse(inbound: &Inbound, reader: &Reader) -> Result<Vec<Claim>, Refusal> {
    let fields = reader.read(inbound)?;
    Ok(vec![reader.claim(&fields)?])
}

plugin_sdk::export_adapter!(DIALECT, parse);

#[cfg(test)]
mod tests {
    use plugin_sdk::testkit::check_adapter;

    #[test]
    fn recorded_cases_give_what_they_expect() {
        check_adapter(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), 8, super::adapt);
    }
}
