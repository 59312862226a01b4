//! The catalog that the measured daemon serves: one shop with many links and one postback
//! integration.

use std::io::Write;
use std::net::SocketAddr;

use hmac::Hmac;
use hmac::Mac;
use model::catalog::Advertiser;
use model::catalog::Campaign;
use model::catalog::CatalogEntry;
use model::catalog::CatalogObject;
use model::catalog::Domain;
use model::catalog::Integration;
use model::catalog::Offer;
use model::catalog::Secrets;
use model::click_id::ClickKey;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::link::Link;
use model::link::LinkNumber;
use model::link::LinkState;
use sha2::Sha256;

/// The token of the integration.
pub const TOKEN: &str = "bench-token";
const PEPPER: [u8; 32] = [7; 32];
const TENANT: TenantId = TenantId(1);
const ADVERTISER: AdvertiserId = AdvertiserId(2);
const INTEGRATION: IntegrationId = IntegrationId(3);
const OFFER: OfferId = OfferId(4);
const CAMPAIGN: CampaignId = CampaignId(5);
/// Link ids count up from here.
const LINKS_FROM: u128 = 1 << 32;

/// The slug of the link with that number.
#[must_use]
pub fn slug(number: u64) -> String {
    format!("bn{number:08}")
}

/// Path of the postback, without the query.
#[must_use]
pub fn postback_path() -> String {
    format!("/postback/{INTEGRATION}")
}

/// Tells the parent process where this server listens.
///
/// # Errors
///
/// Nobody reads.
pub fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}

/// Everything a daemon needs, in the order it needs it.
pub fn entries(link_count: u64) -> impl Iterator<Item = CatalogEntry> {
    let shop = [secrets(), domain(), advertiser(), integration(), offer(), campaign()];
    shop.into_iter().chain((1..=link_count).map(link)).map(CatalogEntry::Put)
}

fn secrets() -> CatalogObject {
    CatalogObject::Secrets(Box::new(Secrets {
        pepper: PEPPER,
        visitor_key: [8; 32],
        click_signing: ClickKey { id: 1, secret: [9; 16] },
        click_verify_only: Vec::new(),
    }))
}

fn domain() -> CatalogObject {
    let id = DomainId(6);
    CatalogObject::Domain(Domain { id, tenant: TENANT, host: "*".into(), fallback_url: None })
}

fn advertiser() -> CatalogObject {
    CatalogObject::Advertiser(Advertiser {
        id: ADVERTISER,
        tenant: TENANT,
        is_active: true,
        allowed_hosts: vec!["shop.example".into()],
        events_integration: INTEGRATION,
    })
}

fn integration() -> CatalogObject {
    let mut mac = Hmac::<Sha256>::new_from_slice(&PEPPER).expect("any length is a key");
    mac.update(TOKEN.as_bytes());
    CatalogObject::Integration(Box::new(Integration {
        id: INTEGRATION,
        tenant: TENANT,
        adapter: "generic".into(),
        advertiser: Some(ADVERTISER),
        token_hashes: vec![mac.finalize().into_bytes().into()],
        hmac_secrets: Vec::new(),
        ip_allow: Vec::new(),
        is_active: true,
    }))
}

fn offer() -> CatalogObject {
    CatalogObject::Offer(Offer {
        id: OFFER,
        tenant: TENANT,
        advertiser: ADVERTISER,
        destination: "https://shop.example/p/1?color=red".into(),
        click_param: Some("sub1".into()),
        ref_param: Some("ref_code".into()),
        pass_params: Vec::new(),
        fallback_url: None,
    })
}

fn campaign() -> CatalogObject {
    CatalogObject::Campaign(Campaign {
        id: CAMPAIGN,
        tenant: TENANT,
        offers: vec![OFFER],
        referrer_policy: "strict-origin".into(),
        starts_at: None,
        ends_at: None,
    })
}

fn link(number: u64) -> CatalogObject {
    CatalogObject::Link(Box::new(Link {
        id: LinkId(LINKS_FROM + u128::from(number)),
        number: LinkNumber(number),
        tenant: TENANT,
        campaign: CAMPAIGN,
        offer: Some(OFFER),
        publisher: PublisherId(u128::from(number % 10_000) + 7),
        domain: None,
        slug: slug(number).into(),
        destination: None,
        fallback_url: None,
        expires_at: None,
        state: LinkState::Live,
        wildcard_code: None,
    }))
}
