//! The catalog: everything the daemon must know to answer, published by the control plane as an
//! ordered log.
//!
//! Later entries of the same key replace earlier ones; a tombstone removes. [`CatalogEntry::Reset`]
//! begins a complete resend: what is not sent again before the matching [`CatalogEntry::Complete`]
//! is gone.

use crate::click_id::ClickKey;
use crate::clock::Timestamp;
use crate::id::AdvertiserId;
use crate::id::CampaignId;
use crate::id::DomainId;
use crate::id::IntegrationId;
use crate::id::KeyId;
use crate::id::OfferId;
use crate::id::PublisherId;
use crate::id::TenantId;
use crate::link::Link;
use crate::words;

words! {
    /// What a credential may do. `admin` includes `finance`.
    pub enum Role {
        /// Everything in its tenant.
        Admin = "admin",
        /// Money: payouts, adjustments, locks.
        Finance = "finance",
        /// Reads with masked money and contacts.
        Support = "support",
        /// One advertiser's own rows.
        Advertiser = "advertiser",
        /// One publisher's own rows.
        Publisher = "publisher",
        /// One shopper's own rows.
        Shopper = "shopper",
        /// Timed runs.
        Cron = "cron",
    }
}

words! {
    /// Kinds of catalog objects; the position is the wire's tag, so the order never changes.
    pub enum CatalogKind {
        /// See [`Domain`].
        Domain = "domain",
        /// See [`Advertiser`].
        Advertiser = "advertiser",
        /// See [`Offer`].
        Offer = "offer",
        /// See [`Campaign`].
        Campaign = "campaign",
        /// See [`Link`].
        Link = "link",
        /// See [`Integration`].
        Integration = "integration",
        /// See [`Key`].
        Key = "key",
        /// See [`Secrets`].
        Secrets = "secrets",
    }
}

/// Names one object: its kind and the 128 bits of its id. Secrets are one object with id 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CatalogKey {
    /// The kind.
    pub kind: CatalogKind,
    /// The bits of the id.
    pub id: u128,
}

/// One step of the catalog log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogEntry {
    /// A complete resend begins.
    Reset,
    /// The object as it is now.
    Put(CatalogObject),
    /// The object is gone.
    Remove(CatalogKey),
    /// The resend that a [`CatalogEntry::Reset`] began is complete.
    Complete,
}

/// Any object of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogObject {
    /// A tracking host.
    Domain(Domain),
    /// Whose hosts may be redirected to.
    Advertiser(Advertiser),
    /// Where links lead.
    Offer(Offer),
    /// What groups links.
    Campaign(Campaign),
    /// A slug.
    Link(Box<Link>),
    /// A door for postbacks and events.
    Integration(Box<Integration>),
    /// A credential for the event API.
    Key(Key),
    /// What signs and hashes.
    Secrets(Box<Secrets>),
}

impl CatalogObject {
    /// The key under which this object replaces an earlier one.
    #[must_use]
    pub fn key(&self) -> CatalogKey {
        let (kind, id) = match self {
            Self::Domain(domain) => (CatalogKind::Domain, domain.id.0),
            Self::Advertiser(advertiser) => (CatalogKind::Advertiser, advertiser.id.0),
            Self::Offer(offer) => (CatalogKind::Offer, offer.id.0),
            Self::Campaign(campaign) => (CatalogKind::Campaign, campaign.id.0),
            Self::Link(link) => (CatalogKind::Link, link.id.0),
            Self::Integration(integration) => (CatalogKind::Integration, integration.id.0),
            Self::Key(key) => (CatalogKind::Key, key.id.0),
            Self::Secrets(_) => (CatalogKind::Secrets, 0),
        };
        CatalogKey { kind, id }
    }
}

/// A tracking host of a tenant. Host `*` answers for every host that no other domain names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose.
    pub tenant: TenantId,
    /// Lower case, without port; `*` for any.
    pub host: Box<str>,
    /// Where unknown slugs and stopped links without a fallback of their own lead.
    pub fallback_url: Option<Box<str>>,
}

/// The part of an advertiser that the daemon needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertiser {
    /// Its id.
    pub id: AdvertiserId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// Inactive: its links fall back, its keys and integrations are refused.
    pub is_active: bool,
    /// Hosts that a `target` may have, lower case; a subdomain of one is allowed too.
    pub allowed_hosts: Vec<Box<str>>,
    /// The built-in integration that records its events.
    pub events_integration: IntegrationId,
}

/// The part of an offer that the daemon needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// Whose offer.
    pub advertiser: AdvertiserId,
    /// Template with macros, absolute https URL.
    pub destination: Box<str>,
    /// Parameter that carries the click id; `None` turns it off.
    pub click_param: Option<Box<str>>,
    /// Parameter that carries the slug; `None` turns it off.
    pub ref_param: Option<Box<str>>,
    /// Further incoming parameters that are carried over.
    pub pass_params: Vec<Box<str>>,
    /// Where visitors go when its links are stopped.
    pub fallback_url: Option<Box<str>>,
}

/// The part of a campaign that the daemon needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// In the order the campaign lists them.
    pub offers: Vec<OfferId>,
    /// Value of the `Referrer-Policy` header.
    pub referrer_policy: Box<str>,
    /// Before it, links fall back.
    pub starts_at: Option<Timestamp>,
    /// From then on, links fall back.
    pub ends_at: Option<Timestamp>,
}

/// A door for postbacks or events, and what a sender must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// The plugin that reads it.
    pub adapter: Box<str>,
    /// Absent for a network.
    pub advertiser: Option<AdvertiserId>,
    /// HMAC-SHA-256 under the pepper of each live token, at most two; empty: no token is demanded.
    pub token_hashes: Vec<[u8; 32]>,
    /// Secrets of Standard Webhooks signatures, at most two; empty: no signature is demanded.
    pub hmac_secrets: Vec<Box<[u8]>>,
    /// CIDR ranges; empty: any address.
    pub ip_allow: Vec<Box<str>>,
    /// Archived integrations are refused.
    pub is_active: bool,
}

/// A credential as the daemon checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id, which stands in the key's text.
    pub id: KeyId,
    /// Whose workspace.
    pub tenant: TenantId,
    /// What it may do.
    pub role: Role,
    /// HMAC-SHA-256 of the secret under the pepper.
    pub hash: [u8; 32],
    /// Set on an advertiser's keys.
    pub advertiser: Option<AdvertiserId>,
    /// Set on a publisher's keys.
    pub publisher: Option<PublisherId>,
    /// Publishable keys stand in web pages and are bound to origins.
    pub is_publishable: bool,
    /// Allowed origins of a publishable key.
    pub origins: Vec<Box<str>>,
    /// Refused from then on (rotation overlap, revocation).
    pub expires_at: Option<Timestamp>,
}

/// What signs click ids and hashes tokens and visitors.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Key of the hashes of tokens and API keys.
    pub pepper: [u8; 32],
    /// Key from which each day's visitor key is derived.
    pub visitor_key: [u8; 32],
    /// Signs new click ids.
    pub click_signing: ClickKey,
    /// Still verify old ones.
    pub click_verify_only: Vec<ClickKey>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}
