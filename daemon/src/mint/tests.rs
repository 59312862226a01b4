use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderMap;
use http::Method;
use model::catalog::Advertiser;
use model::catalog::Campaign;
use model::catalog::CatalogObject;
use model::catalog::Offer;
use model::click_id::ClickKey;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::link::Link;
use model::link::LinkNumber;
use model::link::LinkState;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::catalog::directory::Directory;
use crate::links::Plan;
use crate::links::table::Row;

const NOW: Timestamp = Timestamp(1_700_000_000_123_456);
const PLAIN: Sighting = Sighting { visitor: 7, unique: true, filtered: None, suspect: None };

fn compiled(destination: &str) -> Compiled {
    let mut directory = Directory::default();
    directory.put(CatalogObject::Advertiser(Advertiser {
        id: AdvertiserId(1),
        tenant: TenantId(1),
        is_active: true,
        allowed_hosts: vec!["shop.example".into()],
        events_integration: IntegrationId(1),
    }));
    directory.put(CatalogObject::Offer(Offer {
        id: OfferId(1),
        tenant: TenantId(1),
        advertiser: AdvertiserId(1),
        destination: destination.into(),
        click_param: Some("sub1".into()),
        ref_param: Some("ref_code".into()),
        pass_params: Vec::new(),
        fallback_url: None,
    }));
    directory.put(CatalogObject::Campaign(Campaign {
        id: CampaignId(1),
        tenant: TenantId(1),
        offers: vec![OfferId(1)],
        referrer_policy: "".into(),
        starts_at: None,
        ends_at: None,
    }));
    let link = Link {
        id: LinkId(1),
        number: LinkNumber(9),
        tenant: TenantId(1),
        campaign: CampaignId(1),
        offer: None,
        publisher: PublisherId(1),
        domain: None,
        slug: "spring".into(),
        destination: None,
        fallback_url: None,
        expires_at: None,
        state: LinkState::Live,
        wildcard_code: None,
    };
    let row = Row::from(&link);
    Compiled::new(&row, Rc::new(Arc::new(Plan::new(&row, &directory, 1))))
}

fn ring() -> KeyRing {
    KeyRing::new(ClickKey { id: 1, secret: [2; 16] }, Vec::new())
}

/// Mints with seed and sighting; answers the destination and what the click says.
fn mint(uri: &str, headers: &HeaderMap, seed: u64, sighting: Sighting) -> (String, Click<'static>) {
    let (link, ring, uri) =
        (compiled("https://shop.example/?r={random}"), ring(), uri.parse().unwrap());
    let client = IpAddr::from([192, 0, 2, 77]);
    let request = Request::read(&Method::GET, &uri, headers, client).unwrap();
    let die = Die { link: &link, template: link.plan.template.as_ref().unwrap(), ring: &ring };
    let mut chance = StdRng::seed_from_u64(seed);
    let minted = click(die, &request, sighting, NOW, &mut chance);
    let bytes = model::wire::encode_click(&minted.click, Vec::new()).leak();
    (minted.destination, model::wire::decode_click(bytes).unwrap())
}

#[test]
fn the_same_inputs_mint_the_same_click() {
    let headers = HeaderMap::new();
    assert_eq!(mint("/x", &headers, 1, PLAIN), mint("/x", &headers, 1, PLAIN));
    let ids = [1, 2].map(|seed| mint("/x", &headers, seed, PLAIN).1.click_id);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn the_id_says_what_the_sighting_says() {
    let filtered = Sighting { filtered: Some(FilteredReason::Bot), unique: false, ..PLAIN };
    let suspect = Sighting { suspect: Some(SuspectReason::Repeat), unique: false, ..PLAIN };
    for sighting in [PLAIN, filtered, suspect] {
        let click = mint("/x", &HeaderMap::new(), 1, sighting).1;
        let facts = ring().check(&click.click_id).unwrap();
        assert_eq!(facts.clicked_at, Timestamp(1_700_000_000_123_000));
        assert_eq!(facts.link, LinkNumber(9));
        assert_eq!(facts.flags.filtered, sighting.filtered.is_some());
        assert_eq!(facts.flags.suspect, sighting.suspect.is_some());
        assert!(!facts.flags.has_user);
        assert_eq!((click.filtered, click.suspect), (sighting.filtered, sighting.suspect));
        assert_eq!(click.ip_prefix, Some(IpPrefix::V4([192, 0, 2])));
    }
}

#[test]
fn texts_are_cut_to_their_limits() {
    let mut headers = HeaderMap::new();
    let long = "ж".repeat(2_000);
    for name in ["user-agent", "accept-language", "referer"] {
        headers.insert(name, http::HeaderValue::from_bytes(long.as_bytes()).unwrap());
    }
    let params: String = (0..100).map(|_| "&utm_a=b").collect();
    let (_, mut click) = mint(&format!("/x?{params}"), &headers, 1, PLAIN);
    assert_eq!(click.user_agent.len(), USER_AGENT_BYTES_MAX);
    assert_eq!(click.language.len(), LANGUAGE_BYTES_MAX);
    assert_eq!(click.referrer.len(), REFERRER_BYTES_MAX);
    assert_eq!(click.params.len(), PARAMS_MAX);
    compact(&mut click);
    assert!(model::wire::encode_click(&click, Vec::new()).len() < 200);
}

#[test]
fn a_page_shows_the_destination_without_us() {
    let link = compiled("https://shop.example/p?cid={click_id}&a=1#x");
    let template = link.plan.template.as_ref().unwrap();
    assert_eq!(shown(template), "https://shop.example/p?cid=&a=1#x");
}
