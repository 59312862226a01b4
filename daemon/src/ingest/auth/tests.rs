use model::catalog::Integration;
use model::catalog::Role;
use model::id::AdvertiserId;
use model::id::IntegrationId;
use model::id::TenantId;

use super::*;

const NOW: Timestamp = Timestamp(1_674_087_231_000_000);
const PEPPER: [u8; 32] = [7; 32];

fn door(change: impl FnOnce(&mut Integration)) -> IntegrationDoor {
    let mut integration = Integration {
        id: IntegrationId(1),
        tenant: TenantId(1),
        adapter: "generic".into(),
        advertiser: None,
        token_hashes: Vec::new(),
        hmac_secrets: Vec::new(),
        ip_allow: Vec::new(),
        is_active: true,
    };
    change(&mut integration);
    IntegrationDoor::new(integration)
}

fn token(text: &str) -> [u8; 32] {
    peppered(&PEPPER, text.as_bytes())
}

fn sign(secret: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = hmac(secret);
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn check(
    door: &IntegrationDoor,
    evidence: (&str, Option<&str>, Option<&str>),
    expected: Result<bool, RefusedReason>,
) {
    let (client, token, signature) = evidence;
    let signed = Signed {
        id: "msg_1",
        timestamp: "1674087231",
        signatures: signature.unwrap_or_default(),
        content: &[b"body"],
    };
    let evidence = Evidence { client: client.parse().unwrap(), token, signed };
    let found = integration(door, &PEPPER, &evidence, NOW).map(|proof| proof.is_signed);
    assert_eq!(found, expected, "{evidence:?}");
}

#[test]
fn every_demand_must_be_met() {
    let here = "192.0.2.7";
    let good = sign(b"secret", "msg_1", "1674087231", "body");
    let by_token = door(|it| it.token_hashes = vec![token("old"), token("new")]);
    check(&by_token, (here, Some("old"), None), Ok(false));
    check(&by_token, (here, Some("new"), None), Ok(false));
    check(&by_token, (here, Some("New"), None), Err(RefusedReason::BadToken));
    check(&by_token, (here, Some(""), None), Err(RefusedReason::BadToken));
    check(&by_token, (here, None, None), Err(RefusedReason::BadToken));

    let by_signature = door(|it| it.hmac_secrets = vec![b"secret"[..].into(), b"next"[..].into()]);
    check(&by_signature, (here, None, Some(&good)), Ok(true));
    check(
        &by_signature,
        (here, None, Some(&sign(b"next", "msg_1", "1674087231", "body"))),
        Ok(true),
    );
    check(&by_signature, (here, None, Some(&format!("v1,AAAA v2,x {good}"))), Ok(true));
    check(&by_signature, (here, Some("old"), None), Err(RefusedReason::BadSignature));

    let by_address = door(|it| it.ip_allow = vec!["192.0.2.0/24".into(), "2001:db8::1".into()]);
    check(&by_address, (here, None, None), Ok(false));
    check(&by_address, ("2001:db8::1", None, None), Ok(false));
    check(&by_address, ("192.0.3.7", None, None), Err(RefusedReason::IpNotAllowed));

    let by_all = door(|it| {
        it.token_hashes = vec![token("old")];
        it.hmac_secrets = vec![b"secret"[..].into()];
        it.ip_allow = vec!["192.0.2.0/24".into()];
    });
    check(&by_all, (here, Some("old"), Some(&good)), Ok(true));
    check(&by_all, (here, Some("old"), None), Err(RefusedReason::BadSignature));
    check(&by_all, (here, None, Some(&good)), Err(RefusedReason::BadToken));
    check(&by_all, ("192.0.3.7", Some("old"), Some(&good)), Err(RefusedReason::IpNotAllowed));
}

#[test]
fn nothing_demanded_lets_nobody_in() {
    check(&door(|_| {}), ("192.0.2.7", Some("x"), None), Err(RefusedReason::BadToken));
    let unreadable = door(|it| it.ip_allow = vec!["everywhere".into()]);
    check(&unreadable, ("192.0.2.7", None, None), Err(RefusedReason::IpNotAllowed));
}

#[test]
fn an_archived_integration_is_refused_with_any_proof() {
    let archived = door(|it| {
        it.token_hashes = vec![token("old")];
        it.is_active = false;
    });
    check(&archived, ("192.0.2.7", Some("old"), None), Err(RefusedReason::BadKey));
}

/// The example of the Standard Webhooks specification, section "Verifying signatures": secret
/// `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`, computed over its own payload with an independent
/// tool.
#[test]
fn the_published_vector_verifies() {
    let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let body = br#"{"test": 2432232314}"#;
    let signed = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        content: &[body],
    };
    let then = Timestamp(1_614_265_330_000_000);
    assert_eq!(signature(&[secret.into()], &signed, then), Ok(()));
}

#[test]
fn signatures_cover_id_time_and_body_and_age() {
    let secrets: [Box<[u8]>; 1] = [b"secret"[..].into()];
    let signatures = sign(b"secret", "msg_1", "1674087231", "body");
    let good = Signed {
        id: "msg_1",
        timestamp: "1674087231",
        signatures: &signatures,
        content: &[b"bo", b"dy"],
    };
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
    assert_eq!(signature(&secrets, &good, NOW), Ok(()));
    assert_eq!(signature(&secrets, &good, at(300)), Ok(()));
    assert_eq!(signature(&secrets, &good, at(-300)), Ok(()));
    assert_eq!(signature(&secrets, &good, at(301)), Err(RefusedReason::StaleTimestamp));
    assert_eq!(signature(&secrets, &good, at(-301)), Err(RefusedReason::StaleTimestamp));
    for bad in [
        Signed { id: "msg_2", ..good },
        Signed { id: "", ..good },
        Signed { timestamp: "1674087232", ..good },
        Signed { timestamp: "", ..good },
        Signed { timestamp: "soon", ..good },
        Signed { content: &[b"other"], ..good },
        Signed { signatures: "", ..good },
        Signed { signatures: "v1,", ..good },
        Signed { signatures: "v1", ..good },
        Signed { signatures: signatures.trim_start_matches("v1,"), ..good },
        Signed { signatures: &signatures.replace("v1,", "v1a,"), ..good },
        Signed { signatures: &signatures[..20], ..good },
    ] {
        assert_eq!(signature(&secrets, &bad, NOW), Err(RefusedReason::BadSignature), "{bad:?}");
    }
    assert_eq!(signature(&[], &good, NOW), Err(RefusedReason::BadSignature));
}

#[test]
fn keys_are_found_by_id_and_proved_by_secret() {
    let id = KeyId(77);
    let text = format!("gm_live_{}_s3_cret", id.body());
    assert_eq!(key_parts(&text), Some((id, "s3_cret")));
    for bad in ["", "gm_live_", "gm_live_x_y", "gm_test_x_y", &format!("gm_live_{}_", id.body())] {
        assert_eq!(key_parts(bad), None, "{bad}");
    }
    let held = Key {
        id,
        tenant: TenantId(1),
        role: Role::Advertiser,
        hash: token("s3_cret"),
        advertiser: Some(AdvertiserId(1)),
        publisher: None,
        is_publishable: false,
        origins: Vec::new(),
        expires_at: Some(Timestamp(NOW.0 + 1)),
    };
    let refused = Err(RefusedReason::BadKey);
    assert_eq!(key(&held, "s3_cret", &PEPPER, NOW), Ok(()));
    assert_eq!(key(&held, "other", &PEPPER, NOW), refused);
    assert_eq!(key(&held, "s3_cret", &[8; 32], NOW), refused);
    assert_eq!(key(&held, "s3_cret", &PEPPER, Timestamp(NOW.0 + 1)), refused);
    let publishable = Key { is_publishable: true, ..held };
    assert_eq!(key(&publishable, "s3_cret", &PEPPER, NOW), refused);
}
