//! Conversions: attributed claims that earn.

use crate::words;

words! {
    /// The life of a conversion.
    pub enum ConversionStatus {
        /// Not yet released; `awaiting` says what for.
        Pending = "pending",
        /// Released to available.
        Approved = "approved",
        /// Never earned.
        Rejected = "rejected",
        /// Taken back.
        Reversed = "reversed",
    }
}

words! {
    /// What a pending conversion's release still waits for, in the order it is shown.
    pub enum Awaiting {
        /// The outside status is pending or unmapped.
        Advertiser = "advertiser",
        /// The hold runs.
        Time = "time",
        /// A rule holds it, or has not spoken.
        Verdict = "verdict",
    }
}

words! {
    /// Which key attributed a conversion.
    pub enum AttributionRule {
        /// A personal coupon.
        Coupon = "coupon",
        /// A signed click id.
        ClickId = "click_id",
        /// A link's slug.
        RefCode = "ref_code",
        /// A click id or slug dug out of a URL.
        LazyUrl = "lazy_url",
        /// A visitor hash; never paid automatically.
        Fingerprint = "fingerprint",
        /// A person.
        Manual = "manual",
    }
}

words! {
    /// Which touch of a customer earns.
    pub enum AttributionModel {
        /// The earliest inside the window.
        FirstTouch = "first_touch",
        /// The one named by the claim.
        LastTouch = "last_touch",
    }
}

words! {
    /// Which of coupon and click wins when both are good.
    pub enum CouponPrecedence {
        /// The personal coupon.
        CouponWins = "coupon_wins",
        /// The click.
        ClickWins = "click_wins",
    }
}

words! {
    /// What a rule says of a conversion.
    pub enum Decision {
        /// Nothing against it.
        Approve = "approve",
        /// A person must look; posts, but release waits.
        Hold = "hold",
        /// Posts nothing.
        Reject = "reject",
        /// Cannot say.
        Abstain = "abstain",
    }
}
