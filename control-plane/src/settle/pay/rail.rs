//! What a rail must know, and what it must not: it builds requests and reads answers. It never
//! sends, never sees a ledger, and never decides what becomes of a payout.

use std::future::Future;
use std::pin::Pin;

use model::clock::Timestamp;
use model::id::PayoutId;
use model::money::Money;
use store::payouts::PayoutRow;

/// What a rail can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The same request id never pays twice: it may be sent again while nothing is known. Otherwise
    /// a payout is sent once at most.
    pub idempotent_create: bool,
    /// It sends; otherwise people carry files.
    pub sends: bool,
    /// It can be asked what became of a payout.
    pub has_status: bool,
}

/// What is to be paid.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The payout.
    pub payout: PayoutId,
    /// Net, above zero.
    pub amount: Money,
    /// Where to, as the payee states it; may be empty.
    pub destination: &'a str,
    /// For people.
    pub payee: &'a str,
}

/// A payout in the rail's words, frozen before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The rail's name for it: the same for ever.
    pub request_id: String,
    /// Exact body.
    pub body: String,
}

/// What the host sends for a rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Empty for `GET`.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// At most as much as the host takes.
    pub body: String,
}

/// Nothing usable came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not a byte has left: name resolution or connection failed.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// Bytes may have left and no answer came.
    #[error("no answer: {0}")]
    Lost(String),
}

/// What an answer says of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Paid. What the rail says it paid is compared with what was asked.
    Paid {
        /// The rail's own name for the payment.
        reference: String,
        /// What it says it paid; absent where it does not say.
        amount: Option<Money>,
    },
    /// The rail has it; the result comes later.
    Accepted,
    /// Refused for good, in the rail's words.
    Declined(String),
    /// Nobody knows, in words for people.
    Unknown(String),
    /// Paid before, and come back.
    Returned(String),
}

/// A provider that carries money. Pure but for its own configuration.
pub trait Rail: Send + Sync + std::fmt::Debug {
    /// Its name: lower case, in accounts and files.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Freezes a payout.
    ///
    /// # Errors
    /// Why this payout cannot go by this rail; it is left out of the run.
    fn build(&self, wanted: &Wanted<'_>) -> Result<Built, String>;

    /// What is sent to pay; `None` where people carry files.
    fn create(&self, payout: &PayoutRow, now: Timestamp) -> Option<Request>;

    /// What is sent to ask; `None` where nobody can be asked.
    fn status(&self, payout: &PayoutRow, now: Timestamp) -> Option<Request>;

    /// What an answer to either says.
    fn read(&self, payout: &PayoutRow, response: &Response) -> Told;
}

/// What an [`Egress`] gives back.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, SendError>> + Send + 'a>>;

/// Sends what rails build. The only way out.
pub trait Egress: Send + Sync + std::fmt::Debug {
    /// Sends once and waits for the answer, a limited time.
    fn send(&self, request: Request) -> Sending<'_>;
}

/// Sends nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoEgress;

impl Egress for NoEgress {
    fn send(&self, _request: Request) -> Sending<'_> {
        let refused = SendError::NotSent("nothing may be sent from here".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }
}
