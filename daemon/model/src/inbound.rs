//! Inbound: anything an outside system told us, raw as received.

use crate::click::IpPrefix;
use crate::clock::Timestamp;
use crate::id::EventId;
use crate::id::IntegrationId;
use crate::id::TenantId;
use crate::words;

words! {
    /// The door an inbound came through.
    pub enum Channel {
        /// `/postback/…` and `/v1/events/conversion`.
        Postback = "postback",
        /// The event API.
        Event = "event",
        /// The Gamma Pixel.
        Pixel = "pixel",
        /// A file.
        Import = "import",
        /// Fetched by us.
        Poll = "poll",
    }
}

words! {
    /// Why a request was not authenticated. Shown in the debugger, never to the sender.
    pub enum RefusedReason {
        /// Token missing or wrong.
        BadToken = "bad_token",
        /// Signature missing or wrong.
        BadSignature = "bad_signature",
        /// Signed too long ago or in the future.
        StaleTimestamp = "stale_timestamp",
        /// The id of a signed message came twice.
        Replayed = "replayed",
        /// The address is not on the list.
        IpNotAllowed = "ip_not_allowed",
        /// API key unknown, revoked, expired or of another kind.
        BadKey = "bad_key",
        /// The origin is not one of the key's.
        BadOrigin = "bad_origin",
        /// No integration of that name, or none at all behind this door.
        UnknownIntegration = "unknown_integration",
    }
}

/// One thing an outside system told us. Token values in path, query and headers are already
/// replaced by `***`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Given when it was accepted; what senders are answered with.
    pub event_id: EventId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// Through which connection; of a refused one as it was named, zero where none was.
    pub integration: IntegrationId,
    /// Through which door.
    pub channel: Channel,
    /// By the daemon's clock.
    pub received_at: Timestamp,
    /// GET or POST.
    pub method: Box<str>,
    /// Without query.
    pub path: Box<str>,
    /// Raw, still percent-encoded, without the question mark; empty when absent.
    pub query: Box<str>,
    /// Chosen headers, names in lower case: content type, user agent and what signatures need.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// As received.
    pub body: Vec<u8>,
    /// Where it came from.
    pub remote_prefix: Option<IpPrefix>,
    /// A signature was demanded and good: the claim is worth more than one with only a token.
    pub is_signed: bool,
    /// Set when it was not authenticated. Such records are kept for the debugger only and never
    /// become claims.
    pub refused: Option<RefusedReason>,
}
