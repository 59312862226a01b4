//! Links: what a slug leads to, whose it is, and what the daemon must know to answer for it.

use crate::clock::Timestamp;
use crate::id::CampaignId;
use crate::id::DomainId;
use crate::id::LinkId;
use crate::id::OfferId;
use crate::id::PublisherId;
use crate::id::TenantId;
use crate::words;

/// The number of a link inside click ids: 40 bits, counted up over all tenants, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkNumber(pub u64);

words! {
    /// Whether a link earns and where it leads.
    pub enum LinkState {
        /// Redirects to its destination.
        Live = "live",
        /// Stopped by a person: fallback or 410.
        Killed = "killed",
        /// Over a cap of its own, its offer or its publisher: fallback or 410 until the period
        /// ends.
        Capped = "capped",
    }
}

/// One link as the daemon keeps it. The offer's and campaign's part stands in their own catalog
/// objects, so that a change of an offer is one entry and not one per link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id outside.
    pub id: LinkId,
    /// Its number in click ids.
    pub number: LinkNumber,
    /// Whose workspace.
    pub tenant: TenantId,
    /// The campaign it earns in.
    pub campaign: CampaignId,
    /// The offer it leads to. Absent for wildcard links: their offer is found by the target's
    /// host.
    pub offer: Option<OfferId>,
    /// Who earns.
    pub publisher: PublisherId,
    /// Served on this tracking host only; absent: on every host of the tenant.
    pub domain: Option<DomainId>,
    /// Lower case, unique in the tenant.
    pub slug: Box<str>,
    /// Overrides the offer's destination template.
    pub destination: Option<Box<str>>,
    /// Where visitors go when the link is killed, expired or capped.
    pub fallback_url: Option<Box<str>>,
    /// From then on it only falls back.
    pub expires_at: Option<Timestamp>,
    /// Live, killed or capped.
    pub state: LinkState,
    /// The publisher's code, on the wildcard link of an enrolment (`/click?ref=…`).
    pub wildcard_code: Option<Box<str>>,
}

/// First parts of a path that can never be slugs, because they are ours.
pub const RESERVED_SLUGS: &[&str] = &[
    "click",
    "p",
    "r",
    "i",
    "v1",
    "api",
    "event",
    "postback",
    "stats",
    "pixel.gif",
    "gamma.js",
    "widget.js",
    "robots.txt",
];

/// Shortest and longest slug, in characters.
pub const SLUG_CHARS_MIN: usize = 2;
/// See [`SLUG_CHARS_MIN`].
pub const SLUG_CHARS_MAX: usize = 64;

/// Whether `slug`, already in lower case, may be given to a link.
#[must_use]
pub fn is_slug(slug: &str) -> bool {
    (SLUG_CHARS_MIN..=SLUG_CHARS_MAX).contains(&slug.len())
        && slug.bytes().all(|letter| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        && !RESERVED_SLUGS.contains(&slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_plain_and_not_ours() {
        for good in ["ab", "spring", "a_b-9", &"a".repeat(64)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["a", "", "Spring", "a.b", "click", "v1", "ключ", &"a".repeat(65)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
