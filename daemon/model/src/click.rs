//! Clicks: one redirect served and recorded. A click borrows from the request and the link it was
//! minted from; it is written to the journal before either goes away, and read back borrowing from
//! the record's bytes.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::click_id::ClickId;
use crate::id::CampaignId;
use crate::id::LinkId;
use crate::id::OfferId;
use crate::id::PublisherId;
use crate::id::TenantId;
use crate::words;

/// Longest User-Agent kept, in bytes.
pub const USER_AGENT_BYTES_MAX: usize = 512;

words! {
    /// Why a click is not counted at all.
    pub enum FilteredReason {
        /// The User-Agent of a known crawler or tool.
        Bot = "bot",
        /// A link-preview agent of a messenger or network.
        Preview = "preview",
        /// The browser said that it only prefetches.
        Prefetch = "prefetch",
        /// No User-Agent.
        NoUserAgent = "no_user_agent",
    }
}

words! {
    /// Why a click is counted but earns nothing by itself.
    pub enum SuspectReason {
        /// The same visitor on the same link inside the unique window.
        Repeat = "repeat",
        /// Over the limit of one address.
        OverLimit = "over_limit",
        /// An address of a data centre.
        DataCentre = "data_centre",
        /// No Accept header.
        NoAccept = "no_accept",
    }
}

/// What is kept of an address: 24 bits of IPv4, 48 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpPrefix {
    /// The first three bytes.
    V4([u8; 3]),
    /// The first six bytes.
    V6([u8; 6]),
}

impl From<IpAddr> for IpPrefix {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let octets = v6.octets();
                let mut kept = [0_u8; 6];
                kept.copy_from_slice(&octets[..6]);
                Self::V6(kept)
            }
        }
    }
}

impl std::fmt::Display for IpPrefix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(formatter, "{a}.{b}.{c}.0/24"),
            Self::V6(kept) => {
                let mut octets = [0_u8; 16];
                octets[..6].copy_from_slice(&kept);
                write!(formatter, "{}/48", std::net::Ipv6Addr::from(octets))
            }
        }
    }
}

/// One redirect served. Text fields are cut to their limits by whoever mints the click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click<'a> {
    /// Signed id; holds time, link number, kind and the filtered and suspect flags.
    pub click_id: ClickId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// Through which link.
    pub link: LinkId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// For which offer.
    pub offer: OfferId,
    /// Who earns.
    pub publisher: PublisherId,
    /// The link's slug.
    pub slug: Cow<'a, str>,
    /// The tracking host as requested.
    pub domain: Cow<'a, str>,
    /// Keyed hash of address and User-Agent, key of the day.
    pub visitor: u64,
    /// Absent where the address is unknown.
    pub ip_prefix: Option<IpPrefix>,
    /// ISO 3166 country, absent without geo data.
    pub country: Option<Cow<'a, str>>,
    /// At most [`USER_AGENT_BYTES_MAX`] bytes; empty when absent.
    pub user_agent: Cow<'a, str>,
    /// First choice of Accept-Language, empty when absent.
    pub language: Cow<'a, str>,
    /// Referer header without its query, empty when absent.
    pub referrer: Cow<'a, str>,
    /// Incoming `sub1`…`sub10` and `utm_*`, in the order they came.
    pub params: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// First sight of this visitor on this link inside the unique window.
    pub unique: bool,
    /// Why it is not counted; absent when it is.
    pub filtered: Option<FilteredReason>,
    /// Why it earns nothing by itself; absent when it may.
    pub suspect: Option<SuspectReason>,
    /// The shopper named by an app or widget.
    pub user_id: Option<Cow<'a, str>>,
}
