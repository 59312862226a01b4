//! Claims: what an adapter makes of an inbound, after the host checked every value.

use crate::clock::Timestamp;
use crate::money::Currency;
use crate::words;

words! {
    /// What a claim says happened.
    pub enum Action {
        /// Arrived at the shop.
        Landing = "landing",
        /// Put something into the cart.
        AddToCart = "add_to_cart",
        /// Registered.
        Signup = "signup",
        /// Bought.
        Purchase = "purchase",
        /// Left before buying.
        DropOff = "drop_off",
        /// Anything else; its name stands beside it.
        Custom = "custom",
    }
}

words! {
    /// What the outside says of an order.
    pub enum ClaimStatus {
        /// Not yet confirmed outside.
        Pending = "pending",
        /// Confirmed outside.
        Approved = "approved",
        /// Never became a sale.
        Rejected = "rejected",
        /// Taken back.
        Reversed = "reversed",
        /// Goods came back.
        Returned = "returned",
        /// Part of it remains; the amount is what remains.
        Partial = "partial",
        /// A word that no map knows: kept pending, never approved.
        Unmapped = "unmapped",
        /// No word at all: approved for a new order, unchanged for a known one.
        Absent = "absent",
    }
}

/// One order line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The shop's article.
    pub sku: String,
    /// Pieces.
    pub quantity: u32,
    /// Decimal text in the claim's currency.
    pub unit_amount: Option<String>,
    /// The shop's category.
    pub category: Option<String>,
}

/// What an adapter understood of one inbound. Absent fields stay as they are when the claim updates
/// an order.
///
/// Amounts are decimal text until the currency is settled: a network's claim takes it from the
/// click's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What happened.
    pub action: Action,
    /// The name of a custom action.
    pub custom_action: Option<String>,
    /// The outside's number of the order.
    pub order_ref: Option<String>,
    /// The line inside the order, where claims are made per line.
    pub line: Option<String>,
    /// Value of the order, decimal text.
    pub amount: Option<String>,
    /// Currency of amount and charge.
    pub currency: Option<Currency>,
    /// What the outside itself says it owes us, decimal text.
    pub charge: Option<String>,
    /// What the outside says of the order.
    pub status: ClaimStatus,
    /// The outside's own word.
    pub raw_status: Option<String>,
    /// When it happened, by the outside's clock.
    pub occurred_at: Option<Timestamp>,
    /// When the outside last changed it: orders revisions.
    pub updated_at: Option<Timestamp>,
    /// Candidates in order; the first whose MAC is good counts.
    pub click_ids: Vec<String>,
    /// Trimmed, upper case.
    pub coupon_code: Option<String>,
    /// Link slug.
    pub ref_code: Option<String>,
    /// Only used to dig out a click id or slug.
    pub landing_url: Option<String>,
    /// As `landing_url`.
    pub referrer: Option<String>,
    /// Opaque, or a keyed hash.
    pub customer_ref: Option<String>,
    /// Order lines.
    pub items: Vec<Item>,
    /// Test traffic never reaches the ledger.
    pub is_test: bool,
}
