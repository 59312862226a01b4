//! How one outside system spells the fields of a claim.

use crate::types::{Action, Status};

/// A field of a claim that can be found by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Our click id.
    ClickId,
    /// A second place where our click id may stand; both are candidates, in this order.
    OtherClickId,
    /// The outside's order number.
    OrderRef,
    /// A line of the order.
    Line,
    /// Value of the order.
    Amount,
    /// What the outside says it owes.
    Charge,
    /// Currency of both.
    Currency,
    /// The buyer, as the outside names it.
    CustomerRef,
    /// The outside's word for the state of the order.
    Status,
    /// What happened.
    Action,
    /// Coupon used at the shop.
    CouponCode,
    /// Slug of a link.
    RefCode,
    /// Page the buyer arrived at.
    LandingUrl,
    /// Page the buyer came from.
    Referrer,
    /// When it happened.
    OccurredAt,
    /// When the order last changed.
    UpdatedAt,
    /// Test traffic.
    Test,
}

/// Number of fields.
pub const FIELD_COUNT: usize = 17;

/// Every field with its word in `names{}` and `paths{}`; the second click id belongs to the dialect
/// alone.
pub const WORDS: [(Field, &str); FIELD_COUNT - 1] = [
    (Field::ClickId, "click_id"),
    (Field::OrderRef, "order_ref"),
    (Field::Line, "line"),
    (Field::Amount, "amount"),
    (Field::Charge, "charge"),
    (Field::Currency, "currency"),
    (Field::CustomerRef, "customer_ref"),
    (Field::Status, "status"),
    (Field::Action, "action"),
    (Field::CouponCode, "coupon_code"),
    (Field::RefCode, "ref_code"),
    (Field::LandingUrl, "landing_url"),
    (Field::Referrer, "referrer"),
    (Field::OccurredAt, "occurred_at"),
    (Field::UpdatedAt, "updated_at"),
    (Field::Test, "test"),
];

impl Field {
    /// Its place in an array of all fields.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its word in the configuration and in refusals.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(field, _)| *field == self).map_or("click_id", |(_, word)| word)
    }
}

/// The spelling of one outside system.
#[derive(Debug)]
pub struct Dialect {
    /// Names of each field, the first name first.
    pub names: &'static [(Field, &'static [&'static str])],
    /// Words of the status beyond those of the configuration, in lower case.
    pub statuses: &'static [(&'static str, Status)],
    /// Whether the outside always states what it owes us.
    pub is_charge_stated: bool,
    /// What an inbound without an action means; none makes it a refusal.
    pub default_action: Option<Action>,
    /// Whether an action word that nobody knows is an own action of the outside, or a refusal.
    pub is_foreign_action_custom: bool,
}

/// The names that are read without configuration (contract, section 3).
pub mod names {
    /// Our click id. Not `transaction_id`: it is a click here and an order there.
    pub const CLICK_ID: &[&str] =
        &["click_id", "clickid", "cid", "gamma_click", "subid", "sub_id", "sub1", "aff_sub", "p1"];
    /// The order.
    pub const ORDER_REF: &[&str] =
        &["order_ref", "order_id", "order", "txn_id", "tid", "txid", "transactionid", "invoice"];
    /// Value of the order.
    pub const AMOUNT: &[&str] =
        &["amount", "value", "sale_amount", "order_value", "order_sum", "sum"];
    /// What the outside owes, where it is stated.
    pub const CHARGE: &[&str] = &["charge", "payout", "revenue"];
    /// Currency.
    pub const CURRENCY: &[&str] = &["currency", "cur"];
    /// The buyer.
    pub const CUSTOMER_REF: &[&str] = &["customer_ref", "customer_id", "customer"];
    /// State of the order.
    pub const STATUS: &[&str] = &["status", "state", "cnv_status"];
    /// What happened.
    pub const ACTION: &[&str] = &["action", "event", "goal", "goal_value", "et"];
    /// Coupon.
    pub const COUPON_CODE: &[&str] = &["coupon_code", "coupon", "promo_code", "promocode", "promo"];
    /// Slug of a link.
    pub const REF_CODE: &[&str] = &["ref_code", "ref", "code"];
    /// Page the buyer arrived at.
    pub const LANDING_URL: &[&str] = &["landing_url"];
    /// Page the buyer came from.
    pub const REFERRER: &[&str] = &["referrer"];
}

/// The status words that are read without configuration (contract, section 3).
pub const STATUSES: &[(&str, Status)] = &[
    ("approved", Status::Approved),
    ("confirmed", Status::Approved),
    ("sale", Status::Approved),
    ("paid", Status::Approved),
    ("pending", Status::Pending),
    ("lead", Status::Pending),
    ("hold", Status::Pending),
    ("new", Status::Pending),
    ("rejected", Status::Rejected),
    ("declined", Status::Rejected),
    ("cancelled", Status::Rejected),
    ("canceled", Status::Rejected),
    ("trash", Status::Rejected),
    ("returned", Status::Reversed),
    ("refunded", Status::Reversed),
    ("reversed", Status::Reversed),
    ("chargeback", Status::Reversed),
    ("partial", Status::Partial),
];

/// The action of a word of the vocabulary, in any case.
pub fn action(word: &str) -> Option<Action> {
    const ACTIONS: [(&str, Action); 6] = [
        ("purchase", Action::Purchase),
        ("add_to_cart", Action::AddToCart),
        ("signup", Action::Signup),
        ("drop_off", Action::DropOff),
        ("landing", Action::Landing),
        ("custom", Action::Custom),
    ];
    ACTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, action)| *action)
}

/// The status that a configuration may map to, in any case.
pub fn status(word: &str) -> Option<Status> {
    const TARGETS: [(&str, Status); 6] = [
        ("approved", Status::Approved),
        ("pending", Status::Pending),
        ("rejected", Status::Rejected),
        ("reversed", Status::Reversed),
        ("returned", Status::Returned),
        ("partial", Status::Partial),
    ];
    TARGETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::{FIELD_COUNT, Field, WORDS};

    #[test]
    fn every_field_has_its_own_place_and_word() {
        for (index, (field, word)) in WORDS.iter().enumerate() {
            assert!(field.index() < FIELD_COUNT);
            assert_eq!(field.word(), *word);
            assert!(WORDS[..index].iter().all(|(other, name)| other != field && name != word));
        }
        assert_eq!(Field::Test.index() + 1, FIELD_COUNT);
    }
}
