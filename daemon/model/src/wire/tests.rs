use std::borrow::Cow;

use expect_test::Expect;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::catalog::*;
use crate::click::FilteredReason;
use crate::click::IpPrefix;
use crate::click_id::ClickId;
use crate::click_id::ClickKey;
use crate::clock::Timestamp;
use crate::id::*;
use crate::inbound::Channel;
use crate::inbound::RefusedReason;
use crate::link::Link;
use crate::link::LinkNumber;
use crate::link::LinkState;

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn click() -> Click<'static> {
    Click {
        click_id: ClickId([7; 25]),
        tenant: TenantId(1),
        link: LinkId(2),
        campaign: CampaignId(3),
        offer: OfferId(4),
        publisher: PublisherId(5),
        slug: Cow::Borrowed("spring"),
        domain: Cow::Borrowed("go.example"),
        visitor: 300,
        ip_prefix: Some(IpPrefix::V4([203, 0, 113])),
        country: Some(Cow::Borrowed("KZ")),
        user_agent: Cow::Borrowed("Mozilla/5.0"),
        language: Cow::Borrowed("kk"),
        referrer: Cow::Borrowed(""),
        params: vec![(Cow::Borrowed("sub2"), Cow::Borrowed("x"))],
        unique: true,
        filtered: Some(FilteredReason::Preview),
        suspect: None,
        user_id: None,
    }
}

fn inbound() -> Inbound {
    Inbound {
        event_id: EventId(9),
        tenant: TenantId(1),
        integration: IntegrationId(2),
        channel: Channel::Event,
        received_at: Timestamp(-1),
        method: "POST".into(),
        path: "/v1/events".into(),
        query: "a=1".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{}".to_vec(),
        remote_prefix: Some(IpPrefix::V6([0x20, 1, 0xd, 0xb8, 0, 1])),
        is_signed: true,
        refused: Some(RefusedReason::BadKey),
    }
}

#[expect(clippy::too_many_lines, reason = "one sample of every catalog object")]
fn objects() -> Vec<CatalogObject> {
    let key = ClickKey { id: 1, secret: [2; 16] };
    vec![
        CatalogObject::Domain(Domain {
            id: DomainId(1),
            tenant: TenantId(2),
            host: "*".into(),
            fallback_url: Some("https://a.example/".into()),
        }),
        CatalogObject::Advertiser(Advertiser {
            id: AdvertiserId(1),
            tenant: TenantId(2),
            is_active: true,
            allowed_hosts: vec!["shop.example".into()],
            events_integration: IntegrationId(3),
        }),
        CatalogObject::Offer(Offer {
            id: OfferId(1),
            tenant: TenantId(2),
            advertiser: AdvertiserId(3),
            destination: "https://shop.example/".into(),
            click_param: Some("sub1".into()),
            ref_param: None,
            pass_params: vec!["gclid".into()],
            fallback_url: None,
        }),
        CatalogObject::Campaign(Campaign {
            id: CampaignId(1),
            tenant: TenantId(2),
            offers: vec![OfferId(3), OfferId(4)],
            referrer_policy: "strict-origin".into(),
            starts_at: Some(Timestamp(5)),
            ends_at: None,
        }),
        CatalogObject::Link(Box::new(Link {
            id: LinkId(1),
            number: LinkNumber(2),
            tenant: TenantId(3),
            campaign: CampaignId(4),
            offer: Some(OfferId(5)),
            publisher: PublisherId(6),
            domain: None,
            slug: "spring".into(),
            destination: None,
            fallback_url: None,
            expires_at: Some(Timestamp(7)),
            state: LinkState::Killed,
            wildcard_code: Some("aigerim".into()),
        })),
        CatalogObject::Integration(Box::new(Integration {
            id: IntegrationId(1),
            tenant: TenantId(2),
            adapter: "generic".into(),
            advertiser: None,
            token_hashes: vec![[1; 32]],
            hmac_secrets: vec![vec![1, 2].into()],
            ip_allow: vec!["10.0.0.0/8".into()],
            is_active: true,
        })),
        CatalogObject::Key(Key {
            id: KeyId(1),
            tenant: TenantId(2),
            role: Role::Advertiser,
            hash: [3; 32],
            advertiser: Some(AdvertiserId(4)),
            publisher: None,
            is_publishable: true,
            origins: vec!["https://shop.example".into()],
            expires_at: None,
        }),
        CatalogObject::Secrets(Box::new(Secrets {
            pepper: [1; 32],
            visitor_key: [2; 32],
            click_signing: key.clone(),
            click_verify_only: vec![key],
        })),
    ]
}

fn check_golden(bytes: &[u8], expected: &Expect) {
    expected.assert_eq(&hex(bytes));
}

#[test]
fn golden_bytes_of_a_click() {
    let bytes = encode_click(&click(), Vec::new());
    assert_eq!(decode_click(&bytes), Ok(click()));
    check_golden(
        &bytes,
        &expect![
            "011907070707070707070707070707070707070707070707070707000000000000000000000000000000010000000000000000000000000000000200000000000000000000000000000003000000000000000000000000000000040000000000000000000000000000000506737072696e670a676f2e6578616d706c65ac020100cb007101024b5a0b4d6f7a696c6c612f352e30026b6b0001047375623201780101010000"
        ],
    );
}

#[test]
fn golden_bytes_of_an_inbound() {
    let bytes = encode_inbound(&inbound());
    assert_eq!(decode_inbound(&bytes), Ok(inbound()));
    check_golden(
        &bytes,
        &expect![
            "01000000000000000000000000000000090000000000000000000000000000000100000000000000000000000000000002010104504f53540a2f76312f6576656e747303613d31010c636f6e74656e742d74797065106170706c69636174696f6e2f6a736f6e027b7d010120010db80001010105"
        ],
    );
}

#[test]
fn golden_bytes_of_the_catalog() {
    let mut entries = vec![CatalogEntry::Reset];
    entries.extend(objects().into_iter().map(CatalogEntry::Put));
    let key = CatalogKey { kind: CatalogKind::Offer, id: 77 };
    entries.extend([CatalogEntry::Remove(key), CatalogEntry::Complete]);
    let mut lines = String::new();
    for entry in entries {
        let bytes = encode_catalog(&entry);
        assert_eq!(decode_catalog(&bytes), Ok(entry));
        lines.push_str(&hex(&bytes));
        lines.push('\n');
    }
    expect![[r"
        0100
        0101000000000000000000000000000000000100000000000000000000000000000002012a011268747470733a2f2f612e6578616d706c652f
        010101000000000000000000000000000000010000000000000000000000000000000201010c73686f702e6578616d706c6500000000000000000000000000000003
        0101020000000000000000000000000000000100000000000000000000000000000002000000000000000000000000000000031568747470733a2f2f73686f702e6578616d706c652f01047375623100010567636c696400
        01010300000000000000000000000000000001000000000000000000000000000000020200000000000000000000000000000003000000000000000000000000000000040d7374726963742d6f726967696e010a00
        010104000000000000000000000000000000010200000000000000000000000000000003000000000000000000000000000000040100000000000000000000000000000005000000000000000000000000000000060006737072696e670000010e0101076169676572696d
        01010500000000000000000000000000000001000000000000000000000000000000020767656e657269630001010101010101010101010101010101010101010101010101010101010101010101020102010a31302e302e302e302f3801
        010106000000000000000000000000000000010000000000000000000000000000000203030303030303030303030303030303030303030303030303030303030303030301000000000000000000000000000000040001011468747470733a2f2f73686f702e6578616d706c6500
        010107010101010101010101010101010101010101010101010101010101010101010102020202020202020202020202020202020202020202020202020202020202020102020202020202020202020202020202010102020202020202020202020202020202
        0102020000000000000000000000000000004d
        0103
    "]].assert_eq(&lines);
}

#[test]
fn every_object_has_the_key_of_its_kind() {
    for (object, kind) in objects().iter().zip(CatalogKind::ALL) {
        assert_eq!(object.key().kind, *kind);
    }
}

#[test]
fn cut_or_longer_bytes_and_other_versions_are_refused() {
    let bytes = encode_inbound(&inbound());
    for cut in 0..bytes.len() {
        assert!(decode_inbound(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(decode_inbound(&longer), Err(WireError::Form));
    let mut other = bytes;
    other[0] = 2;
    assert_eq!(decode_inbound(&other), Err(WireError::Version(2)));
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&[1][..], &bytes].concat();
        let _ = decode_click(&bytes);
        let _ = decode_inbound(&bytes);
        let _ = decode_catalog(&bytes);
    }
}
