//! Who may speak through which door, and in which dialect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::Shop;
use harness::World;
use harness::eventually;
use harness::sentences::id_of;
use harness::sentences::money;
use harness::sentences::path_of;
use harness::sentences::rows;
use harness::sentences::text;
use hmac::Hmac;
use hmac::Mac;
use serde_json::json;
use sha2::Sha256;

#[test]
fn the_generic_adapter_reads_query_form_and_json() {
    let world = World::start();
    let shop = Shop::open(&world, "dialects");
    let click_id = world.click(&shop.slug);
    let pairs = format!("clickid={click_id}&txid=G-2&sum=10000&cur=KZT&state=sale");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let json_type = [("content-type", "application/json")];
    let body = json!({"subid": click_id, "order": "G-3", "amount": 10000, "status": "paid"});
    shop.tell(&world, &pairs.replace("G-2", "G-1"));
    world.post(&shop.postback, &form, &pairs).expect_status(200).json();
    world.post(&shop.postback, &json_type, &body.to_string()).expect_status(200).json();
    for order_ref in ["G-1", "G-2", "G-3"] {
        assert_eq!(money(&world.conversion(order_ref)["net"]), "700.00 KZT", "{order_ref}");
    }
}

#[test]
fn a_wrong_token_is_one_generic_401_and_visible_with_its_reason() {
    let world = World::start();
    let shop = Shop::open(&world, "refusals");
    world.click(&shop.slug);
    let wrong = world.get(&format!("/postback/{}?token=wrong&order_id=1", shop.integration));
    let missing = world.get(&format!("/postback/{}?order_id=1", shop.integration));
    let unknown = world.get("/postback/int_00000000000000000000000000?token=wrong&order_id=1");
    for answer in [&wrong, &missing, &unknown] {
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.json()["title"], wrong.json()["title"]);
    }
    let target = format!("/v1/inbound?integration_id={}&outcome=refused", shop.integration);
    let refused = eventually("the refusals in the debugger", || {
        let found = rows(&world.api_get(&target).expect_status(200).json());
        (found.len() >= 2).then_some(found)
    });
    assert!(refused.iter().all(|row| row["reason"] == "bad_token"), "{refused:?}");
    // A mistyped id is found by the id that was typed.
    let target = "/v1/inbound?integration_id=int_00000000000000000000000000&outcome=refused";
    let strangers = rows(&world.api_get(target).expect_status(200).json());
    assert_eq!(strangers.len(), 1, "{strangers:?}");
    assert_eq!(strangers[0]["reason"], "unknown_integration");
}

#[test]
fn a_token_may_come_in_a_header_and_is_never_recorded() {
    let world = World::start();
    let shop = Shop::open(&world, "header");
    let click_id = world.click(&shop.slug);
    let target = format!(
        "/postback/{}?click_id={click_id}&order_id=T-1&amount=10000&status=paid",
        shop.integration
    );
    let by_header = world.post(&target, &[("x-gamma-token", &shop.token)], "").expect_status(200);
    let by_query = shop.tell(&world, "order_id=T-1&status=paid");
    for event_id in [text(&by_header.json()["event_id"]), by_query] {
        let detail = world.processed(&event_id);
        assert!(!detail.to_string().contains(&shop.token), "{detail}");
    }
    assert_eq!(money(&world.conversion("T-1")["net"]), "700.00 KZT");
}

#[test]
fn a_signed_postback_is_accepted_once_and_only_with_its_signature() {
    let world = World::start();
    let shop = Shop::open(&world, "signed");
    let made = world.create(
        "/v1/integrations",
        &json!({"advertiser_id": shop.advertiser, "name": "signed", "adapter": "generic",
                "auth": {"hmac": true}}),
    );
    let target = path_of(&text(&made["postback_url"]));
    let secret = text(&made["hmac_secret"]);
    let click_id = world.click(&shop.slug);
    let body = json!({"click_id": click_id, "order_id": "S-1", "amount": "100"}).to_string();
    let now = harness::time::unix_seconds().to_string();
    let post = |id: &str, at: &str, signature: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", at),
            ("webhook-signature", signature),
        ];
        world.post(&target, &headers, &body).status
    };
    eventually("the integration is known", || {
        (post("msg_1", &now, &sign(&secret, "msg_1", &now, &body)) == 200).then_some(())
    });
    assert_eq!(post("msg_1", &now, &sign(&secret, "msg_1", &now, &body)), 401, "replayed");
    assert_eq!(post("msg_2", &now, &sign(&secret, "msg_1", &now, &body)), 401, "another id");
    let stale = (harness::time::unix_seconds() - 600).to_string();
    assert_eq!(post("msg_3", &stale, &sign(&secret, "msg_3", &stale, &body)), 401, "stale");
    assert_eq!(post("msg_4", &now, "v1,AAAA"), 401, "no signature");
    assert_eq!(world.conversion("S-1")["order_ref"], "S-1");
}

/// Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`; the secret is base64 behind `whsec_`.
fn sign(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = secret
        .strip_prefix("whsec_")
        .and_then(|rest| STANDARD.decode(rest).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn an_integration_with_an_address_list_refuses_others() {
    let world = World::start();
    let lists = json!({"auth": {"token": true, "ip_allow": ["203.0.113.0/24"]}});
    let shop = Shop::open_with(&world, "fenced", &json!({}), &lists);
    world.click(&shop.slug);
    assert_eq!(shop.postback(&world, "order_id=1").status, 401);
    let target = format!("/v1/inbound?integration_id={}&outcome=refused", shop.integration);
    eventually("the refusal in the debugger", || {
        let found = rows(&world.api_get(&target).expect_status(200).json());
        found.first().map(|row| assert_eq!(row["reason"], "ip_not_allowed"))
    });
}

#[test]
fn the_event_api_has_its_aliases_and_needs_a_key() {
    let world = World::start();
    let shop = Shop::open(&world, "alias");
    let key = shop.key(&world);
    let click_id = world.click(&shop.slug);
    let event = |order_ref: &str| {
        json!({"action": "purchase", "value": "100.00", "currency": "KZT",
               "order_id": order_ref, "click_id": click_id})
    };
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    let paths = [("/v1/events", "X-1"), ("/api/v1/events", "X-2"), ("/event/purchase", "X-3")];
    for (path, order_ref) in paths {
        let answer = world.post(path, &headers, &event(order_ref).to_string()).expect_status(200);
        assert!(answer.json()["event_id"].is_string(), "{path}");
        world.conversion(order_ref);
    }
    let landing = json!({"click_id": click_id}).to_string();
    let answer = world.post("/event/landing", &headers, &landing).expect_status(200);
    assert_eq!(world.outcome(&text(&answer.json()["event_id"])).0, "event");
    let nobody = [("x-api-key", "gm_live_nobody_nothing"), ("content-type", "application/json")];
    assert_eq!(world.post("/v1/events", &nobody, &event("X-4").to_string()).status, 401);
}

#[test]
fn the_trackier_door_records_what_it_ignores() {
    let world = World::start();
    let shop = Shop::open(&world, "trackier");
    let made = world.create(
        "/v1/integrations",
        &json!({"advertiser_id": shop.advertiser, "name": "trackier", "adapter": "trackier",
                "auth": {"token": true}}),
    );
    let door = format!("/v1/events/conversion?token={}", text(&made["token"]));
    let click_id = world.click(&shop.slug);
    let without = eventually("the integration is known", || {
        let answer = world.get(&format!("{door}&txn_id=K-0&payout=1"));
        (answer.status == 200).then(|| answer.json())
    });
    assert_eq!(without["ignored"], true);
    let (_, reason) = world.outcome(&text(&without["event_id"]));
    assert_eq!(reason.as_deref(), Some("no_click_id"));
    let with = world
        .get(&format!(
            "{door}&click_id={click_id}&txn_id=K-1&payout=1000&currency=KZT&status=approved"
        ))
        .expect_status(200)
        .json();
    assert_eq!(with["ignored"], serde_json::Value::Null);
    let conversion = world.conversion("K-1");
    assert_eq!(money(&conversion["charge"]), "1000.00 KZT", "{}", id_of(&conversion));
}

#[test]
fn a_coupon_alone_earns_for_its_publisher() {
    let world = World::start();
    let shop = Shop::open(&world, "coupon");
    world.create(
        "/v1/coupons",
        &json!({"campaign_id": shop.campaign, "publisher_id": shop.publisher, "code": "SAVE10"}),
    );
    world.click(&shop.slug);
    shop.tell(&world, "coupon=save10&order_id=C-1&amount=10000&currency=KZT&status=paid");
    let conversion = world.conversion("C-1");
    assert_eq!(conversion["publisher_id"], shop.publisher.as_str());
    let detail = world.api_get(&format!("/v1/conversions/{}", id_of(&conversion))).json();
    assert_eq!(detail["explanation"]["rule"], "coupon");
}

#[test]
fn a_ref_code_alone_earns_for_its_link() {
    let world = World::start();
    let shop = Shop::open(&world, "refcode");
    world.click(&shop.slug);
    shop.tell(&world, "ref_code=refcode&order_id=Y-1&amount=10000&currency=KZT&status=paid");
    let conversion = world.conversion("Y-1");
    assert_eq!(conversion["link_id"], shop.link.as_str());
    let detail = world.api_get(&format!("/v1/conversions/{}", id_of(&conversion))).json();
    assert_eq!(detail["explanation"]["rule"], "ref_code");
}
