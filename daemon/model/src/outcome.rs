//! How an inbound ended: one outcome code and, where it did not earn, one reason.

use crate::words;

words! {
    /// One per processed inbound.
    pub enum Outcome {
        /// A new conversion.
        Converted = "converted",
        /// A known order changed.
        Updated = "updated",
        /// A journey step that earns nothing.
        Event = "event",
        /// The same news again.
        Duplicate = "duplicate",
        /// Nobody to credit.
        Unmatched = "unmatched",
        /// Waits for a person or a plugin.
        Held = "held",
        /// A conversion that never earns.
        Rejected = "rejected",
        /// Not for the ledger.
        Ignored = "ignored",
        /// Could not be read.
        Malformed = "malformed",
        /// Not authenticated.
        Refused = "refused",
    }
}

words! {
    /// Why an inbound ended without earning. Rules add `rule:<name>`, refusals the words of
    /// [`crate::inbound::RefusedReason`].
    pub enum Reason {
        /// The Trackier door without a usable click id.
        NoClickId = "no_click_id",
        /// Form or MAC of the click id.
        BadClickId = "bad_click_id",
        /// Outside the window.
        ClickExpired = "click_expired",
        /// No such coupon.
        UnknownCoupon = "unknown_coupon",
        /// No such slug.
        UnknownRefCode = "unknown_ref_code",
        /// News of an order that has not come yet.
        UnknownOrder = "unknown_order",
        /// The click belongs to another advertiser.
        WrongAdvertiser = "wrong_advertiser",
        /// Nothing to attribute by.
        NoAttributionKey = "no_attribution_key",
        /// A status word that no map knows.
        StatusUnmapped = "status_unmapped",
        /// No currency given or configured.
        CurrencyMissing = "currency_missing",
        /// The amount is not decimal text of its currency.
        BadAmount = "bad_amount",
        /// A purchase without terms.
        ActionNotInOffer = "action_not_in_offer",
        /// A cap is used up.
        OverCap = "over_cap",
        /// The click was a bot's.
        FilteredClick = "filtered_click",
        /// The adapter failed.
        AdapterError = "adapter_error",
        /// The adapter could not read it.
        ParseError = "parse_error",
        /// Test traffic.
        TestMode = "test_mode",
        /// A change back to earlier content without an outside time: a person decides.
        ChangedBack = "changed_back",
    }
}
