//! What passes between the rooms of the pipeline.

use std::sync::Arc;

use ledger::TaxRate;
use model::claim::Action;
use model::claim::Claim;
use model::click_id::ClickId;
use model::clock::Timestamp;
use model::conversion::AttributionRule;
use model::conversion::Decision;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::ConversionId;
use model::id::CouponId;
use model::id::EnrolmentId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::inbound::Inbound;
use model::money::BasisPoints;
use model::money::Money;
use model::outcome::Outcome;
use model::outcome::Reason;
use plugin_host::PluginIdentity;
use serde_json::Value as Json;
use store::business_keys::OrderKey;
use store::credit::CreditIntegration;
use store::credit::Term;
use store::offsets::Partition;
use store::rollups::Usage;
use store::terms::TermAction;
use store::touches::Touch;

use super::caps::Cap;
use super::price::Order;

/// One inbound on its way from its record to its outcome.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Where it was read.
    pub(crate) place: Place,
    /// As received.
    pub(crate) inbound: Arc<Inbound>,
    /// Absent when nobody knows it any more.
    pub(crate) integration: Option<Arc<CreditIntegration>>,
    /// What read it.
    pub(crate) plugin: Option<Arc<PluginIdentity>>,
    /// What it says.
    pub(crate) content: Content,
    /// It is a click that earns by itself: our own record, read by no adapter.
    pub(crate) clicked: Option<Clicked>,
}

/// A click that may earn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clicked {
    pub(crate) id: ClickId,
    /// ISO 3166 code, where it is known.
    pub(crate) country: Option<String>,
}

/// Where a record stands, and whether it is there for the first time.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Stream and partition.
    pub(crate) partition: Arc<Partition>,
    /// Sequence.
    pub(crate) seq: u64,
    /// It was stored before and goes through the pipeline again: the inbox knows it and must not
    /// stop it.
    pub(crate) again: Option<Again>,
}

/// What is known of an inbound that went through the pipeline before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// Its claims left steps in the journey.
    pub(crate) had_claims: bool,
    /// What it became or changed then.
    pub(crate) conversion: Option<ConversionId>,
}

/// What an inbound says.
#[derive(Debug)]
pub(crate) enum Content {
    /// No adapter has read it yet.
    Unread,
    /// Claims, in the adapter's order; none: nothing for the ledger.
    Claims(Vec<Told>),
    /// It ended before it became claims.
    Ended(End),
}

/// How an inbound or a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The outcome code.
    pub(crate) outcome: Outcome,
    /// A closed word, or `rule:<name>`.
    pub(crate) reason: Option<String>,
    /// For people.
    pub(crate) detail: Option<String>,
}

impl End {
    pub(crate) fn new(outcome: Outcome, reason: Reason) -> Self {
        Self { outcome, reason: Some(reason.as_str().to_owned()), detail: None }
    }

    pub(crate) fn plain(outcome: Outcome) -> Self {
        Self { outcome, reason: None, detail: None }
    }

    pub(crate) fn explained(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// A record that an adapter could not read: it alone waits, and is tried again when the plugin
    /// works.
    pub(crate) fn held_by_adapter(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Held, Reason::AdapterError).explained(detail)
    }
}

/// One claim of an inbound, and what the rooms found out about it.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its position among the inbound's claims.
    pub(crate) index: i64,
    /// What the adapter understood, every value checked, persons replaced by keyed hashes.
    pub(crate) claim: Claim,
    /// The same as the rules get it.
    pub(crate) guest: plugin_host::Claim,
    /// The order it speaks of.
    pub(crate) order: OrderKey,
    /// Which keys it brought.
    pub(crate) keys: super::attribute::Keys,
    /// Ties of its customer to clicks, to be remembered.
    pub(crate) touches: Vec<Touch>,
    /// Who earns by it.
    pub(crate) finding: Finding,
}

impl Told {
    /// Whether it is a click that may earn by itself.
    pub(crate) fn is_click(&self) -> bool {
        TermAction::parse(&self.order.action).is_some_and(TermAction::is_of_click)
            && self.claim.click_ids.first() == self.claim.order_ref.as_ref()
    }

    /// What a claim's action is called in terms and business keys.
    pub(crate) fn action_word(claim: &Claim) -> String {
        match (claim.action, &claim.custom_action) {
            (Action::Custom, Some(name)) => name.clone(),
            (action, _) => action.as_str().to_owned(),
        }
    }
}

/// What attribution and screening found out about a claim.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finding {
    /// Nobody has looked: its order was known already, or attribution has not run.
    Open,
    /// Somebody earns by it.
    Credited(Box<Credit>),
    /// A step of the journey that earns nothing. Credited to somebody all the same, where a key was
    /// good.
    Step(Option<StepCredit>),
    /// It ends without a conversion.
    Ended(End),
}

/// Whose journey a step belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepCredit {
    pub(crate) campaign: CampaignId,
    pub(crate) publisher: PublisherId,
    pub(crate) link: Option<LinkId>,
    pub(crate) click_id: Option<String>,
}

/// Everything a new conversion needs: who, for what, how much, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Credit {
    /// Given before the rules are asked; zero until then.
    pub(crate) conversion: ConversionId,
    pub(crate) advertiser: AdvertiserId,
    pub(crate) is_network: bool,
    pub(crate) campaign: CampaignId,
    pub(crate) offer: OfferId,
    pub(crate) publisher: PublisherId,
    pub(crate) enrolment: Option<EnrolmentId>,
    pub(crate) link: Option<LinkId>,
    pub(crate) coupon: Option<CouponId>,
    pub(crate) shopper: Option<ShopperId>,
    pub(crate) click_id: Option<String>,
    pub(crate) rule: AttributionRule,
    pub(crate) order_amount: Option<Money>,
    /// Currency in which the order's amounts are told.
    pub(crate) order_currency: model::money::Currency,
    pub(crate) stated_charge: Option<Money>,
    pub(crate) charge: Money,
    pub(crate) fee: BasisPoints,
    pub(crate) share: BasisPoints,
    pub(crate) taxes: Vec<TaxRate>,
    pub(crate) term: Json,
    /// What it must be priced by again under the lock.
    pub(crate) pricing: Option<Box<OpenPricing>>,
    /// What must have room for it.
    pub(crate) caps: Vec<Cap>,
    pub(crate) hold_days: i64,
    pub(crate) claimed_at: Timestamp,
    pub(crate) clicked_at: Option<Timestamp>,
    /// The click that earns was a known bot's.
    pub(crate) is_filtered: bool,
    /// Section 6 of the contract, without the verdicts.
    pub(crate) explanation: Json,
    /// What the rules said; [`Decision::Approve`] with an empty list until they were asked.
    pub(crate) screening: Screening,
}

/// Terms that hang on what only the lock knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenPricing {
    /// In the order of their precedence.
    pub(crate) terms: Vec<Term>,
    pub(crate) order: Order,
    /// By the object of a term with tiers, what its volume is summed from.
    pub(crate) volumes: Vec<(String, Usage)>,
}

/// What the rules said of a conversion, taken together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Screening {
    /// The strictest verdict.
    pub(crate) decision: Decision,
    /// Name of the rule that decided, unless all approved.
    pub(crate) by: Option<String>,
    /// JSON array of section 6.
    pub(crate) verdicts: Vec<Json>,
}

impl Screening {
    pub(crate) const fn open() -> Self {
        Self { decision: Decision::Approve, by: None, verdicts: Vec::new() }
    }
}
