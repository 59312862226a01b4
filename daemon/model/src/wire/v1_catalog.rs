//! Version 1 of catalog entries. Never edited once released.

use serde::Deserialize;
use serde::Serialize;

use crate::catalog::Advertiser;
use crate::catalog::Campaign;
use crate::catalog::CatalogEntry;
use crate::catalog::CatalogKey;
use crate::catalog::CatalogKind;
use crate::catalog::CatalogObject;
use crate::catalog::Domain;
use crate::catalog::Integration;
use crate::catalog::Key;
use crate::catalog::Offer;
use crate::catalog::Role;
use crate::catalog::Secrets;
use crate::click_id::ClickKey;
use crate::clock::Timestamp;
use crate::id::AdvertiserId;
use crate::id::CampaignId;
use crate::id::DomainId;
use crate::id::IntegrationId;
use crate::id::KeyId;
use crate::id::LinkId;
use crate::id::OfferId;
use crate::id::PublisherId;
use crate::id::TenantId;
use crate::link::Link;
use crate::link::LinkNumber;
use crate::link::LinkState;
use crate::wire::WireError;

type Bits = [u8; 16];
type Text = Box<str>;

#[derive(Serialize, Deserialize)]
pub(super) enum EntryV1 {
    Reset,
    Put(ObjectV1),
    Remove(u8, Bits),
    Complete,
}

#[derive(Serialize, Deserialize)]
pub(super) enum ObjectV1 {
    Domain(DomainV1),
    Advertiser(AdvertiserV1),
    Offer(OfferV1),
    Campaign(CampaignV1),
    Link(Box<LinkV1>),
    Integration(Box<IntegrationV1>),
    Key(KeyV1),
    Secrets(Box<SecretsV1>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct DomainV1 {
    id: Bits,
    tenant: Bits,
    host: Text,
    fallback_url: Option<Text>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AdvertiserV1 {
    id: Bits,
    tenant: Bits,
    is_active: bool,
    allowed_hosts: Vec<Text>,
    events_integration: Bits,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OfferV1 {
    id: Bits,
    tenant: Bits,
    advertiser: Bits,
    destination: Text,
    click_param: Option<Text>,
    ref_param: Option<Text>,
    pass_params: Vec<Text>,
    fallback_url: Option<Text>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CampaignV1 {
    id: Bits,
    tenant: Bits,
    offers: Vec<Bits>,
    referrer_policy: Text,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LinkV1 {
    id: Bits,
    number: u64,
    tenant: Bits,
    campaign: Bits,
    offer: Option<Bits>,
    publisher: Bits,
    domain: Option<Bits>,
    slug: Text,
    destination: Option<Text>,
    fallback_url: Option<Text>,
    expires_at: Option<i64>,
    state: u8,
    wildcard_code: Option<Text>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct IntegrationV1 {
    id: Bits,
    tenant: Bits,
    adapter: Text,
    advertiser: Option<Bits>,
    token_hashes: Vec<[u8; 32]>,
    hmac_secrets: Vec<Box<[u8]>>,
    ip_allow: Vec<Text>,
    is_active: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeyV1 {
    id: Bits,
    tenant: Bits,
    role: u8,
    hash: [u8; 32],
    advertiser: Option<Bits>,
    publisher: Option<Bits>,
    is_publishable: bool,
    origins: Vec<Text>,
    expires_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SecretsV1 {
    pepper: [u8; 32],
    visitor_key: [u8; 32],
    click_signing: (u8, [u8; 16]),
    click_verify_only: Vec<(u8, [u8; 16])>,
}

impl From<&CatalogEntry> for EntryV1 {
    fn from(entry: &CatalogEntry) -> Self {
        match entry {
            CatalogEntry::Reset => Self::Reset,
            CatalogEntry::Put(object) => Self::Put(ObjectV1::from(object)),
            CatalogEntry::Remove(key) => Self::Remove(key.kind.code(), key.id.to_be_bytes()),
            CatalogEntry::Complete => Self::Complete,
        }
    }
}

impl TryFrom<EntryV1> for CatalogEntry {
    type Error = WireError;

    fn try_from(wire: EntryV1) -> Result<Self, WireError> {
        Ok(match wire {
            EntryV1::Reset => Self::Reset,
            EntryV1::Put(object) => Self::Put(object.try_into()?),
            EntryV1::Remove(kind, id) => {
                let kind = CatalogKind::from_code(kind).ok_or(WireError::Code(kind))?;
                Self::Remove(CatalogKey { kind, id: u128::from_be_bytes(id) })
            }
            EntryV1::Complete => Self::Complete,
        })
    }
}

impl From<&CatalogObject> for ObjectV1 {
    fn from(object: &CatalogObject) -> Self {
        match object {
            CatalogObject::Domain(domain) => Self::Domain(DomainV1 {
                id: domain.id.0.to_be_bytes(),
                tenant: domain.tenant.0.to_be_bytes(),
                host: domain.host.clone(),
                fallback_url: domain.fallback_url.clone(),
            }),
            CatalogObject::Advertiser(advertiser) => Self::Advertiser(AdvertiserV1 {
                id: advertiser.id.0.to_be_bytes(),
                tenant: advertiser.tenant.0.to_be_bytes(),
                is_active: advertiser.is_active,
                allowed_hosts: advertiser.allowed_hosts.clone(),
                events_integration: advertiser.events_integration.0.to_be_bytes(),
            }),
            CatalogObject::Offer(offer) => Self::Offer(OfferV1 {
                id: offer.id.0.to_be_bytes(),
                tenant: offer.tenant.0.to_be_bytes(),
                advertiser: offer.advertiser.0.to_be_bytes(),
                destination: offer.destination.clone(),
                click_param: offer.click_param.clone(),
                ref_param: offer.ref_param.clone(),
                pass_params: offer.pass_params.clone(),
                fallback_url: offer.fallback_url.clone(),
            }),
            CatalogObject::Campaign(campaign) => Self::Campaign(CampaignV1 {
                id: campaign.id.0.to_be_bytes(),
                tenant: campaign.tenant.0.to_be_bytes(),
                offers: campaign.offers.iter().map(|offer| offer.0.to_be_bytes()).collect(),
                referrer_policy: campaign.referrer_policy.clone(),
                starts_at: campaign.starts_at.map(|at| at.0),
                ends_at: campaign.ends_at.map(|at| at.0),
            }),
            CatalogObject::Link(link) => Self::Link(Box::new(LinkV1::from(&**link))),
            CatalogObject::Integration(integration) => {
                Self::Integration(Box::new(IntegrationV1::from(&**integration)))
            }
            CatalogObject::Key(key) => Self::Key(KeyV1::from(key)),
            CatalogObject::Secrets(secrets) => Self::Secrets(Box::new(SecretsV1::from(&**secrets))),
        }
    }
}

impl From<&Link> for LinkV1 {
    fn from(link: &Link) -> Self {
        Self {
            id: link.id.0.to_be_bytes(),
            number: link.number.0,
            tenant: link.tenant.0.to_be_bytes(),
            campaign: link.campaign.0.to_be_bytes(),
            offer: link.offer.map(|offer| offer.0.to_be_bytes()),
            publisher: link.publisher.0.to_be_bytes(),
            domain: link.domain.map(|domain| domain.0.to_be_bytes()),
            slug: link.slug.clone(),
            destination: link.destination.clone(),
            fallback_url: link.fallback_url.clone(),
            expires_at: link.expires_at.map(|at| at.0),
            state: link.state.code(),
            wildcard_code: link.wildcard_code.clone(),
        }
    }
}

impl From<&Integration> for IntegrationV1 {
    fn from(integration: &Integration) -> Self {
        Self {
            id: integration.id.0.to_be_bytes(),
            tenant: integration.tenant.0.to_be_bytes(),
            adapter: integration.adapter.clone(),
            advertiser: integration.advertiser.map(|advertiser| advertiser.0.to_be_bytes()),
            token_hashes: integration.token_hashes.clone(),
            hmac_secrets: integration.hmac_secrets.clone(),
            ip_allow: integration.ip_allow.clone(),
            is_active: integration.is_active,
        }
    }
}

impl From<&Key> for KeyV1 {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.0.to_be_bytes(),
            tenant: key.tenant.0.to_be_bytes(),
            role: key.role.code(),
            hash: key.hash,
            advertiser: key.advertiser.map(|advertiser| advertiser.0.to_be_bytes()),
            publisher: key.publisher.map(|publisher| publisher.0.to_be_bytes()),
            is_publishable: key.is_publishable,
            origins: key.origins.clone(),
            expires_at: key.expires_at.map(|at| at.0),
        }
    }
}

impl From<&Secrets> for SecretsV1 {
    fn from(secrets: &Secrets) -> Self {
        let pair = |key: &ClickKey| (key.id, key.secret);
        Self {
            pepper: secrets.pepper,
            visitor_key: secrets.visitor_key,
            click_signing: pair(&secrets.click_signing),
            click_verify_only: secrets.click_verify_only.iter().map(pair).collect(),
        }
    }
}

impl TryFrom<ObjectV1> for CatalogObject {
    type Error = WireError;

    fn try_from(wire: ObjectV1) -> Result<Self, WireError> {
        Ok(match wire {
            ObjectV1::Domain(domain) => Self::Domain(Domain {
                id: DomainId(u128::from_be_bytes(domain.id)),
                tenant: TenantId(u128::from_be_bytes(domain.tenant)),
                host: domain.host,
                fallback_url: domain.fallback_url,
            }),
            ObjectV1::Advertiser(advertiser) => Self::Advertiser(Advertiser {
                id: AdvertiserId(u128::from_be_bytes(advertiser.id)),
                tenant: TenantId(u128::from_be_bytes(advertiser.tenant)),
                is_active: advertiser.is_active,
                allowed_hosts: advertiser.allowed_hosts,
                events_integration: IntegrationId(u128::from_be_bytes(
                    advertiser.events_integration,
                )),
            }),
            ObjectV1::Offer(offer) => Self::Offer(Offer {
                id: OfferId(u128::from_be_bytes(offer.id)),
                tenant: TenantId(u128::from_be_bytes(offer.tenant)),
                advertiser: AdvertiserId(u128::from_be_bytes(offer.advertiser)),
                destination: offer.destination,
                click_param: offer.click_param,
                ref_param: offer.ref_param,
                pass_params: offer.pass_params,
                fallback_url: offer.fallback_url,
            }),
            ObjectV1::Campaign(campaign) => Self::Campaign(Campaign {
                id: CampaignId(u128::from_be_bytes(campaign.id)),
                tenant: TenantId(u128::from_be_bytes(campaign.tenant)),
                offers: campaign
                    .offers
                    .into_iter()
                    .map(|bits| OfferId(u128::from_be_bytes(bits)))
                    .collect(),
                referrer_policy: campaign.referrer_policy,
                starts_at: campaign.starts_at.map(Timestamp),
                ends_at: campaign.ends_at.map(Timestamp),
            }),
            ObjectV1::Link(link) => Self::Link(Box::new((*link).try_into()?)),
            ObjectV1::Integration(integration) => {
                Self::Integration(Box::new(Integration::from(*integration)))
            }
            ObjectV1::Key(key) => Self::Key(key.try_into()?),
            ObjectV1::Secrets(secrets) => Self::Secrets(Box::new(Secrets::from(*secrets))),
        })
    }
}

impl TryFrom<LinkV1> for Link {
    type Error = WireError;

    fn try_from(wire: LinkV1) -> Result<Self, WireError> {
        Ok(Self {
            id: LinkId(u128::from_be_bytes(wire.id)),
            number: LinkNumber(wire.number),
            tenant: TenantId(u128::from_be_bytes(wire.tenant)),
            campaign: CampaignId(u128::from_be_bytes(wire.campaign)),
            offer: wire.offer.map(|bits| OfferId(u128::from_be_bytes(bits))),
            publisher: PublisherId(u128::from_be_bytes(wire.publisher)),
            domain: wire.domain.map(|bits| DomainId(u128::from_be_bytes(bits))),
            slug: wire.slug,
            destination: wire.destination,
            fallback_url: wire.fallback_url,
            expires_at: wire.expires_at.map(Timestamp),
            state: LinkState::from_code(wire.state).ok_or(WireError::Code(wire.state))?,
            wildcard_code: wire.wildcard_code,
        })
    }
}

impl From<IntegrationV1> for Integration {
    fn from(wire: IntegrationV1) -> Self {
        Self {
            id: IntegrationId(u128::from_be_bytes(wire.id)),
            tenant: TenantId(u128::from_be_bytes(wire.tenant)),
            adapter: wire.adapter,
            advertiser: wire.advertiser.map(|bits| AdvertiserId(u128::from_be_bytes(bits))),
            token_hashes: wire.token_hashes,
            hmac_secrets: wire.hmac_secrets,
            ip_allow: wire.ip_allow,
            is_active: wire.is_active,
        }
    }
}

impl TryFrom<KeyV1> for Key {
    type Error = WireError;

    fn try_from(wire: KeyV1) -> Result<Self, WireError> {
        Ok(Self {
            id: KeyId(u128::from_be_bytes(wire.id)),
            tenant: TenantId(u128::from_be_bytes(wire.tenant)),
            role: Role::from_code(wire.role).ok_or(WireError::Code(wire.role))?,
            hash: wire.hash,
            advertiser: wire.advertiser.map(|bits| AdvertiserId(u128::from_be_bytes(bits))),
            publisher: wire.publisher.map(|bits| PublisherId(u128::from_be_bytes(bits))),
            is_publishable: wire.is_publishable,
            origins: wire.origins,
            expires_at: wire.expires_at.map(Timestamp),
        })
    }
}

impl From<SecretsV1> for Secrets {
    fn from(wire: SecretsV1) -> Self {
        let key = |(id, secret)| ClickKey { id, secret };
        Self {
            pepper: wire.pepper,
            visitor_key: wire.visitor_key,
            click_signing: key(wire.click_signing),
            click_verify_only: wire.click_verify_only.into_iter().map(key).collect(),
        }
    }
}
