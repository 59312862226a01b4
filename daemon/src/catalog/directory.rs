//! Everything of the catalog but the links: small, read by every request, replaced whole.
//!
//! A thread holds one [`Directory`] and compares a version number per request; a change is a new
//! value and never a lock.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use ipnet::IpNet;
use model::catalog::Advertiser;
use model::catalog::Campaign;
use model::catalog::CatalogKey;
use model::catalog::CatalogKind;
use model::catalog::CatalogObject;
use model::catalog::Domain;
use model::catalog::Integration;
use model::catalog::Key;
use model::catalog::Offer;
use model::catalog::Secrets;
use model::click_id::KeyRing;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::IntegrationId;
use model::id::KeyId;
use model::id::OfferId;
use model::id::TenantId;
use siphasher::sip::SipHasher13;
use siphasher::sip::SipHasher24;
use url::Url;

use crate::target;

type Map<K, V> = Arc<HashMap<K, Arc<V>>>;

/// The adapter whose integrations answer `/v1/events/conversion`.
pub const TRACKIER_ADAPTER: &str = "trackier";

/// An integration with its address ranges read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationDoor {
    pub integration: Integration,
    /// Ranges that could be read.
    pub nets: Vec<IpNet>,
    /// Ranges were configured: with none readable, nobody is let in.
    pub has_nets: bool,
}

impl IntegrationDoor {
    /// Reads the address ranges; one that cannot be read lets nobody in.
    #[must_use]
    pub fn new(integration: Integration) -> Self {
        let read = |range: &str| -> Option<IpNet> {
            range.parse().ok().or_else(|| range.parse::<std::net::IpAddr>().ok().map(IpNet::from))
        };
        let nets = integration.ip_allow.iter().filter_map(|range| read(range)).collect();
        Self { nets, has_nets: !integration.ip_allow.is_empty(), integration }
    }
}

/// Keys in the form they are used in.
pub struct Signer {
    pub secrets: Secrets,
    pub ring: KeyRing,
    /// Keyed hasher of addresses and agents. Its values never leave the process, so the rounds that
    /// keep a hash table from being aimed at are enough.
    pub visitor_base: SipHasher13,
    /// Tells one set of secrets from the next.
    pub generation: u64,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Signer {
    fn new(secrets: Secrets, generation: u64) -> Self {
        let ring = KeyRing::new(secrets.click_signing.clone(), secrets.click_verify_only.clone());
        let key = key_of("gamma visitor base v1", &secrets.visitor_key);
        let visitor_base = SipHasher13::new_with_key(&key);
        Self { secrets, ring, visitor_base, generation }
    }

    /// The keyed hasher of visitors of one UTC day, by days since 1970. Daemons with one key file
    /// agree on it; without the file, hashes of different days cannot be joined.
    #[must_use]
    pub fn visitor_hasher(&self, day: i64) -> SipHasher24 {
        let mut material = [0_u8; 40];
        material[..32].copy_from_slice(&self.secrets.visitor_key);
        material[32..].copy_from_slice(&day.to_be_bytes());
        SipHasher24::new_with_key(&key_of("gamma visitor of a day v1", &material))
    }
}

fn key_of(purpose: &str, material: &[u8]) -> [u8; 16] {
    let derived = blake3::derive_key(purpose, material);
    let mut key = [0_u8; 16];
    key.copy_from_slice(&derived[..16]);
    key
}

/// The host of a URL, as it is compared.
fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// All small objects at one moment.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// The catalog's version in which this value appeared; compiled links older than it are stale.
    pub changed_at: u64,
    pub signer: Option<Arc<Signer>>,
    pub integrations: Map<IntegrationId, IntegrationDoor>,
    pub keys: Map<KeyId, Key>,
    domains: Map<DomainId, Domain>,
    domains_by_host: Map<Box<str>, Domain>,
    advertisers: Map<AdvertiserId, Advertiser>,
    offers: Map<OfferId, Offer>,
    campaigns: Map<CampaignId, Campaign>,
    trackier: Arc<HashMap<TenantId, Vec<IntegrationId>>>,
}

fn put<K: Eq + Hash + Clone, V>(map: &mut Map<K, V>, key: K, value: V) {
    Arc::make_mut(map).insert(key, Arc::new(value));
}

fn take<K: Eq + Hash + Clone, V>(map: &mut Map<K, V>, key: &K) -> Option<Arc<V>> {
    if map.contains_key(key) { Arc::make_mut(map).remove(key) } else { None }
}

impl Directory {
    /// The domain that answers for a host: the one of that name, else the one of every host.
    #[must_use]
    pub fn domain(&self, host: &str) -> Option<&Arc<Domain>> {
        let by_host = &self.domains_by_host;
        let host = host.strip_suffix('.').unwrap_or(host);
        let found = if host.bytes().any(|letter| letter.is_ascii_uppercase()) {
            by_host.get(host.to_ascii_lowercase().as_str())
        } else {
            by_host.get(host)
        };
        found.or_else(|| by_host.get("*"))
    }

    #[must_use]
    pub fn advertiser(&self, id: AdvertiserId) -> Option<&Arc<Advertiser>> {
        self.advertisers.get(&id)
    }

    #[must_use]
    pub fn offer(&self, id: OfferId) -> Option<&Arc<Offer>> {
        self.offers.get(&id)
    }

    #[must_use]
    pub fn campaign(&self, id: CampaignId) -> Option<&Arc<Campaign>> {
        self.campaigns.get(&id)
    }

    /// The Trackier integrations of a tenant, in the order they appeared.
    #[must_use]
    pub fn trackier(&self, tenant: TenantId) -> &[IntegrationId] {
        self.trackier.get(&tenant).map(Vec::as_slice).unwrap_or_default()
    }

    /// Hosts that links of this offer may lead to; none when its advertiser is unknown or inactive.
    #[must_use]
    pub fn allowed_hosts(&self, offer: &Offer) -> &[Box<str>] {
        self.advertiser(offer.advertiser)
            .filter(|advertiser| advertiser.is_active)
            .map(|advertiser| &*advertiser.allowed_hosts)
            .unwrap_or_default()
    }

    /// Whether stopped links of an offer may lead to a stored fallback: to a host of its
    /// advertiser, active or not, or to where a domain of the tenant falls back itself. Of an offer
    /// that is gone nobody knows, so its links lead nowhere of their own.
    #[must_use]
    pub fn may_fall_back(&self, (tenant, offer): (TenantId, OfferId), fallback: &str) -> bool {
        let Some(host) = host_of(fallback) else { return false };
        let advertiser = self.offer(offer).and_then(|offer| self.advertiser(offer.advertiser));
        let hosts = advertiser.map(|advertiser| &*advertiser.allowed_hosts).unwrap_or_default();
        if target::is_allowed_host(&host, hosts.iter().map(|host| &**host)) {
            return true;
        }
        let domains = self.domains.values().filter(|domain| domain.tenant == tenant);
        let mut own = domains.filter_map(|domain| host_of(domain.fallback_url.as_deref()?));
        own.any(|own| own == host)
    }

    /// Puts an object; links are not ours.
    pub(crate) fn put(&mut self, object: CatalogObject) {
        match object {
            CatalogObject::Domain(domain) => {
                self.remove(CatalogKey { kind: CatalogKind::Domain, id: domain.id.0 });
                put(&mut self.domains_by_host, domain.host.clone(), domain.clone());
                put(&mut self.domains, domain.id, domain);
            }
            CatalogObject::Advertiser(advertiser) => {
                put(&mut self.advertisers, advertiser.id, advertiser);
            }
            CatalogObject::Offer(offer) => put(&mut self.offers, offer.id, offer),
            CatalogObject::Campaign(campaign) => put(&mut self.campaigns, campaign.id, campaign),
            CatalogObject::Integration(integration) => self.put_integration(*integration),
            CatalogObject::Key(key) => put(&mut self.keys, key.id, key),
            CatalogObject::Secrets(secrets) => self.put_secrets(*secrets),
            CatalogObject::Link(_) => {}
        }
    }

    fn put_integration(&mut self, integration: Integration) {
        self.remove(CatalogKey { kind: CatalogKind::Integration, id: integration.id.0 });
        if &*integration.adapter == TRACKIER_ADAPTER && integration.is_active {
            let of_tenant = Arc::make_mut(&mut self.trackier).entry(integration.tenant);
            of_tenant.or_default().push(integration.id);
        }
        put(&mut self.integrations, integration.id, IntegrationDoor::new(integration));
    }

    fn put_secrets(&mut self, secrets: Secrets) {
        let generation = self.signer.as_ref().map_or(1, |signer| signer.generation + 1);
        if self.signer.as_ref().is_none_or(|signer| signer.secrets != secrets) {
            self.signer = Some(Arc::new(Signer::new(secrets, generation)));
        }
    }

    /// Removes an object; links are not ours.
    pub(crate) fn remove(&mut self, key: CatalogKey) {
        match key.kind {
            CatalogKind::Domain => {
                if let Some(domain) = take(&mut self.domains, &DomainId(key.id)) {
                    take(&mut self.domains_by_host, &domain.host);
                }
            }
            CatalogKind::Advertiser => {
                take(&mut self.advertisers, &AdvertiserId(key.id));
            }
            CatalogKind::Offer => {
                take(&mut self.offers, &OfferId(key.id));
            }
            CatalogKind::Campaign => {
                take(&mut self.campaigns, &CampaignId(key.id));
            }
            CatalogKind::Integration => {
                let id = IntegrationId(key.id);
                if let Some(door) = take(&mut self.integrations, &id)
                    && let Some(of_tenant) =
                        Arc::make_mut(&mut self.trackier).get_mut(&door.integration.tenant)
                {
                    of_tenant.retain(|held| *held != id);
                }
            }
            CatalogKind::Key => {
                take(&mut self.keys, &KeyId(key.id));
            }
            CatalogKind::Secrets => self.signer = None,
            CatalogKind::Link => {}
        }
    }

    /// Every object, for the snapshot and for ending a resend.
    pub(crate) fn objects(&self) -> impl Iterator<Item = CatalogObject> + '_ {
        let secrets = self
            .signer
            .iter()
            .map(|signer| CatalogObject::Secrets(Box::new(signer.secrets.clone())));
        let integrations = self
            .integrations
            .values()
            .map(|door| CatalogObject::Integration(Box::new(door.integration.clone())));
        secrets
            .chain(self.domains.values().map(|it| CatalogObject::Domain((**it).clone())))
            .chain(self.advertisers.values().map(|it| CatalogObject::Advertiser((**it).clone())))
            .chain(self.offers.values().map(|it| CatalogObject::Offer((**it).clone())))
            .chain(self.campaigns.values().map(|it| CatalogObject::Campaign((**it).clone())))
            .chain(integrations)
            .chain(self.keys.values().map(|it| CatalogObject::Key((**it).clone())))
    }
}
