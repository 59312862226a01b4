//! Adapter `generic`: query, form or top-level JSON under the usual names of the trade, renamed by
//! configuration.
//!
//! The names stand in `plugin_sdk::dialect::names`. An order is one claim; without any field that
//! is known the claim is empty, and attribution says what was missing.

use plugin_sdk::dialect::{Dialect, Field, STATUSES, names};
use plugin_sdk::reader::Reader;
use plugin_sdk::types::{Action, Claim, Inbound, Refusal};

/// The usual names of the trade.
pub const DIALECT: Dialect = Dialect {
    names: &[
        (Field::ClickId, names::CLICK_ID),
        (Field::OrderRef, names::ORDER_REF),
        (Field::Amount, names::AMOUNT),
        (Field::Charge, names::CHARGE),
        (Field::Currency, names::CURRENCY),
        (Field::CustomerRef, names::CUSTOMER_REF),
        (Field::Status, names::STATUS),
        (Field::Action, names::ACTION),
        (Field::CouponCode, names::COUPON_CODE),
        (Field::RefCode, names::REF_CODE),
        (Field::LandingUrl, names::LANDING_URL),
        (Field::Referrer, names::REFERRER),
    ],
    statuses: STATUSES,
    is_charge_stated: false,
    default_action: Some(Action::Purchase),
    is_foreign_action_custom: true,
};

/// One inbound, one claim.
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
        check_adapter(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), 12, super::adapt);
    }
}
