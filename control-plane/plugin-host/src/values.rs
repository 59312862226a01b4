//! What goes to a guest and what comes back, as plain values.
//!
//! They mirror `plugins/wit`, own their data and could cross a socket. Words are those of the
//! vocabulary; `as_str` gives the contract's spelling.

/// Which world a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginKind {
    /// Inbound to claims.
    Adapter,
    /// Conversions to verdicts.
    Rule,
}

/// Who decided: stored with every decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginIdentity {
    /// Its registered name.
    pub name: String,
    /// The version its maker gave it.
    pub version: String,
    /// SHA-256 of the component, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// By which door an inbound came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// An integration's postback.
    Postback,
    /// The event API.
    Event,
    /// The pixel.
    Pixel,
    /// A file.
    Import,
    /// Fetched by us.
    Poll,
}

/// How an HTTP request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It was no request.
    None,
    /// GET
    Get,
    /// POST
    Post,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name; of a header in lower case.
    pub name: String,
    /// The value.
    pub value: String,
}

/// One thing an outside system told us, as received; tokens are already `***`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The door.
    pub channel: Channel,
    /// Microseconds since 1970.
    pub received_at_us: i64,
    /// GET, POST or none.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// Still percent-encoded, without the question mark.
    pub query: String,
    /// Chosen headers; guests read `content-type`.
    pub headers: Vec<Pair>,
    /// The body as received.
    pub body: Vec<u8>,
}

/// What happened in a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The shopper arrived.
    Landing,
    /// Put something into the cart.
    AddToCart,
    /// Signed up.
    Signup,
    /// Bought.
    Purchase,
    /// Left without buying.
    DropOff,
    /// An action of the outside's own.
    Custom,
}

impl Action {
    /// The contract's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Landing => "landing",
            Self::AddToCart => "add_to_cart",
            Self::Signup => "signup",
            Self::Purchase => "purchase",
            Self::DropOff => "drop_off",
            Self::Custom => "custom",
        }
    }
}

/// What the outside says about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not decided.
    Pending,
    /// Owed.
    Approved,
    /// Never owed.
    Rejected,
    /// Owed no more.
    Reversed,
    /// Brought back to the shop.
    Returned,
    /// A part remains.
    Partial,
    /// A word that no map knows: kept pending with the reason `status_unmapped`.
    Unmapped,
}

impl Status {
    /// The contract's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Reversed => "reversed",
            Self::Returned => "returned",
            Self::Partial => "partial",
            Self::Unmapped => "unmapped",
        }
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The shop's id of the goods.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// Decimal text.
    pub unit_amount: Option<String>,
    /// The shop's category.
    pub category: Option<String>,
}

/// What an adapter understood. Absent fields stay as they are when the claim updates an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What happened.
    pub action: Action,
    /// The outside's own word, only with [`Action::Custom`].
    pub custom_action: Option<String>,
    /// The outside's order number.
    pub order_ref: Option<String>,
    /// A line of the order.
    pub line: Option<String>,
    /// Decimal text: 1 to 14 digits, then optionally a point and 1 to 4 digits.
    pub amount: Option<String>,
    /// Three capital letters; absent: the advertiser's.
    pub currency: Option<String>,
    /// Decimal text, only where the outside states what it owes.
    pub charge: Option<String>,
    /// Absent: approved for a new order, unchanged for a known one.
    pub status: Option<Status>,
    /// The outside's own word for it.
    pub raw_status: Option<String>,
    /// Microseconds since 1970.
    pub occurred_at_us: Option<i64>,
    /// Microseconds since 1970; orders revisions.
    pub updated_at_us: Option<i64>,
    /// Candidates in order, as sent.
    pub click_ids: Vec<String>,
    /// In capitals.
    pub coupon_code: Option<String>,
    /// In lower case.
    pub ref_code: Option<String>,
    /// Page the buyer arrived at.
    pub landing_url: Option<String>,
    /// Page the buyer came from.
    pub referrer: Option<String>,
    /// The buyer, as the outside names it.
    pub customer_ref: Option<String>,
    /// Lines of the order.
    pub items: Vec<Item>,
    /// Test traffic never reaches the ledger.
    pub test: bool,
}

/// Why an inbound gives no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// It cannot be read, or contradicts itself.
    ParseError,
    /// An amount is no plain decimal.
    BadAmount,
    /// No currency where the adapter needs one.
    CurrencyMissing,
    /// Nothing that could attribute it.
    NoAttributionKey,
    /// Test traffic.
    TestMode,
    /// Nothing for us.
    Ignored,
}

impl RefusalReason {
    /// The contract's reason word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ParseError => "parse_error",
            Self::BadAmount => "bad_amount",
            Self::CurrencyMissing => "currency_missing",
            Self::NoAttributionKey => "no_attribution_key",
            Self::TestMode => "test_mode",
            Self::Ignored => "ignored",
        }
    }
}

/// An adapter's refusal of one inbound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The closed word.
    pub reason: RefusalReason,
    /// For the person in the debugger.
    pub detail: String,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// A count, an age in seconds.
    Integer(i64),
    /// Decimal text.
    Decimal(String),
    /// A word.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// Something the host computed about a conversion; names stand in `plugins/wit/1.0.0/rule.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: FactValue,
}

/// A conversion before it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub conversion_id: String,
    /// The claim it came from.
    pub claim: Claim,
    /// The rule of attribution: the contract's word in `explanation.rule`.
    pub attributed_by: String,
    /// Microseconds since 1970; absent without a click.
    pub clicked_at_us: Option<i64>,
    /// Microseconds since 1970.
    pub claimed_at_us: i64,
    /// What rules judge by.
    pub facts: Vec<Fact>,
}

/// What a rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing against it.
    Approve,
    /// A person decides; release waits.
    Hold,
    /// Posts nothing.
    Reject,
    /// Nothing to judge by.
    Abstain,
}

impl Decision {
    /// The contract's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Reject => "reject",
            Self::Abstain => "abstain",
        }
    }
}

/// A rule's word on one conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it wants.
    pub decision: Decision,
    /// 0 (harmless) to 100.
    pub score: i32,
    /// 1 to 64 characters out of a-z, 0-9 and underscore.
    pub reason: String,
}
