//! What each resource refuses, field by field; all bad fields come back at once.

use serde_json::Value;
use serde_json::json;

use crate::api::tests::Shop;
use crate::api::tests::World;
use crate::api::tests::bad_fields;
use crate::api::tests::text;

async fn world() -> (World, Shop) {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    (world, shop)
}

/// Posts `good` with each of `changes` laid over it; exactly the named fields must be refused.
async fn check(world: &World, path: &str, good: &Value, changes: &[(Value, &[&str])]) {
    for (change, expected) in changes {
        let mut body = good.clone();
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let reply = world.post(path, body).await;
        assert_eq!(bad_fields(&reply), *expected, "{path} {change}: {}", reply.body);
    }
    let mut unknown = good.clone();
    unknown["colour"] = json!("red");
    assert_eq!(bad_fields(&world.post(path, unknown).await), ["colour"], "{path}");
}

#[tokio::test]
async fn advertisers() {
    let (world, _) = world().await;
    let good = json!({"name": "A", "currency": "KZT", "allowed_hosts": ["shop.example"]});
    let changes: &[(Value, &[&str])] = &[
        (json!({"name": ""}), &["name"]),
        (json!({"name": null, "currency": "XXZ"}), &["name", "currency"]),
        (json!({"name": 7}), &["name"]),
        (json!({"allowed_hosts": ["https://shop.example"]}), &["allowed_hosts[0]"]),
        (
            json!({"allowed_hosts": ["shop.example", "com", "127.0.0.1"]}),
            &["allowed_hosts[1]", "allowed_hosts[2]"],
        ),
        (json!({"billing": {"terms_days": -1, "x": 1}}), &["billing.x", "billing.terms_days"]),
        (json!({"status": "sleepy"}), &["status"]),
    ];
    check(&world, "/v1/advertisers", &good, changes).await;
}

#[tokio::test]
async fn integrations() {
    let (world, shop) = world().await;
    let good = json!({"name": "I", "adapter": "generic", "advertiser_id": shop.advertiser["id"]});
    let changes: &[(Value, &[&str])] = &[
        (json!({"adapter": "nobody"}), &["adapter"]),
        (json!({"advertiser_id": "adv_00000000000000000000000000"}), &["advertiser_id"]),
        (json!({"advertiser_id": "x"}), &["advertiser_id"]),
        (json!({"auth": {"token": "yes"}}), &["auth.token"]),
        (json!({"auth": {"token": false}}), &["auth"]),
        (json!({"auth": {"ip_allow": ["300.0.0.1"]}}), &["auth.ip_allow[0]"]),
        (json!({"config": []}), &["config"]),
        (
            json!({"status_map": {"ok": "fine", "no": "unmapped"}}),
            &["status_map.ok", "status_map.no"],
        ),
        (json!({"config": {"names": {"ordr": ["x"]}}}), &["config.names.ordr"]),
        (json!({"config": {"names": {"order_ref": [1]}}}), &["config.names.order_ref"]),
        (json!({"config": {"names": []}}), &["config.names"]),
        (
            json!({"config": {"paths": {"amount": "a..b", "items": 1}}}),
            &["config.paths.amount", "config.paths.items"],
        ),
        (
            json!({"config": {"goal_map": {"ok": 1, "no": ""}}}),
            &["config.goal_map.ok", "config.goal_map.no"],
        ),
        (
            json!({"config": {"decimal_comma": "yes", "charge_stated": 1}}),
            &["config.decimal_comma", "config.charge_stated"],
        ),
        (json!({"config": {"currency": "tenge"}}), &["config.currency"]),
        (json!({"config": {"currency": "ZZZ"}}), &["config.currency"]),
        (
            json!({"config": {"nmaes": {}, "status_map": {}}}),
            &["config.nmaes", "config.status_map"],
        ),
    ];
    check(&world, "/v1/integrations", &good, changes).await;
}

#[tokio::test]
async fn offers() {
    let (world, shop) = world().await;
    let good = json!({"advertiser_id": shop.advertiser["id"], "name": "O",
                      "destination": "https://shop.example/"});
    let changes: &[(Value, &[&str])] = &[
        (json!({"advertiser_id": null}), &["advertiser_id"]),
        (json!({"destination": "http://shop.example/"}), &["destination"]),
        (json!({"destination": "https://evil.example/"}), &["destination"]),
        (json!({"destination": "https://shop.example@evil.example/"}), &["destination"]),
        (json!({"destination": "javascript:alert(1)"}), &["destination"]),
        (json!({"terms": [{"action": "purchase", "type": "percent"}]}), &["terms[0].bp"]),
        (
            json!({"terms": [{"action": "purchase", "type": "percent", "bp": 10_001}]}),
            &["terms[0].bp"],
        ),
        (json!({"terms": [{"action": "click", "type": "percent", "bp": 1}]}), &["terms[0].type"]),
        (
            json!({"terms": [{"action": "signup", "type": "fixed", "amount": "1.001"}]}),
            &["terms[0].amount"],
        ),
        (
            json!({"terms": [{"action": "signup", "type": "fixed", "amount": "-1"}]}),
            &["terms[0].amount"],
        ),
        (
            json!({"terms": [{"type": "fixed", "amount": "1", "bp": 1}]}),
            &["terms[0].action", "terms[0].bp"],
        ),
        (json!({"hold_days": 1.5}), &["hold_days"]),
        (json!({"window": {"click_days": 0}}), &["window.click_days"]),
        (
            json!({"caps": {"clicks": {"day": "many"}, "charge": {"day": "x"}}}),
            &["caps.clicks.day", "caps.charge.day"],
        ),
        (json!({"click_param": "a b"}), &["click_param"]),
    ];
    check(&world, "/v1/offers", &good, changes).await;
}

#[tokio::test]
async fn campaigns() {
    let (world, shop) = world().await;
    let good = json!({"name": "C", "offer_ids": [shop.offer["id"]]});
    let changes: &[(Value, &[&str])] = &[
        (json!({"name": null}), &["name"]),
        (json!({"offer_ids": ["off_00000000000000000000000000"]}), &["offer_ids[0]"]),
        (json!({"offer_ids": [shop.offer["id"], shop.offer["id"]]}), &["offer_ids[1]"]),
        (json!({"starts_on": "2026-02-30"}), &["starts_on"]),
        (json!({"starts_on": "2026-02-02", "ends_on": "2026-02-01"}), &["ends_on"]),
        (json!({"attribution": "middle_touch", "fee_bp": -1}), &["attribution", "fee_bp"]),
        (json!({"share_pct": "12.345"}), &["share_pct"]),
        (json!({"budget": {"amount": "1", "currency": "USD"}}), &["budget.currency"]),
        (json!({"referrer_policy": "all"}), &["referrer_policy"]),
        // A tenth of the charge as tax does not fit beside a fee of 95 %.
        (json!({"fee_bp": 9_500}), &["fee_bp"]),
        (json!({"fee_bp": 2_000, "share_pct": 95}), &["fee_bp", "share_pct"]),
    ];
    check(&world, "/v1/campaigns", &good, changes).await;
    let other = json!({"name": "Other", "currency": "USD", "allowed_hosts": []});
    let other = world.make("/v1/advertisers", other).await;
    let mut foreign = good.clone();
    foreign["advertiser_id"] = other["id"].clone();
    assert_eq!(bad_fields(&world.post("/v1/campaigns", foreign).await), ["offer_ids"]);
    world.make("/v1/campaigns", json!({"name": "Empty", "share_pct": 50})).await;
}

#[tokio::test]
async fn publishers() {
    let (world, _) = world().await;
    let good = json!({"name": "P"});
    let changes: &[(Value, &[&str])] = &[
        (json!({"code": "has space"}), &["code"]),
        (json!({"currency": "ZZZ"}), &["currency"]),
        (json!({"phone": "123", "email": "x", "iin": "1"}), &["phone", "email", "iin"]),
        (json!({"tax_regime": "flat"}), &["tax_regime"]),
        (json!({"payout": {"bank": "x"}}), &["payout.bank"]),
        (json!({"tags": ["a", ""]}), &["tags[1]"]),
    ];
    check(&world, "/v1/publishers", &good, changes).await;
    let reply = world.post("/v1/publishers", json!({"name": "P", "code": "AIGERIM"})).await;
    assert_eq!(reply.status, 409, "codes are unique in any case");
}

#[tokio::test]
async fn links() {
    let (world, shop) = world().await;
    let good = json!({"campaign_id": shop.campaign["id"], "offer_id": shop.offer["id"],
                      "publisher_id": shop.publisher["id"]});
    let changes: &[(Value, &[&str])] = &[
        (json!({"campaign_id": null}), &["campaign_id"]),
        (json!({"campaign_id": "cmp_00000000000000000000000000"}), &["campaign_id"]),
        (json!({"offer_id": "off_00000000000000000000000000"}), &["offer_id"]),
        (json!({"publisher_id": null}), &["publisher_id"]),
        (json!({"slug": "a"}), &["slug"]),
        (json!({"slug": "click"}), &["slug"]),
        (json!({"slug": "a.b"}), &["slug"]),
        (json!({"destination": "https://evil.example/"}), &["destination"]),
        (json!({"domain": "nobody.example"}), &["domain"]),
        (json!({"expires_at": "tomorrow"}), &["expires_at"]),
        (json!({"rules": [{}]}), &["rules"]),
    ];
    check(&world, "/v1/links", &good, changes).await;
    let mut taken = good.clone();
    taken["slug"] = json!("SPRING");
    assert_eq!(world.post("/v1/links", taken).await.status, 409);
    let generated = world.make("/v1/links", good).await;
    assert_eq!(text(&generated["slug"]).len(), 8);
}

#[tokio::test]
async fn a_fallback_stays_with_the_advertiser_or_the_tenants_own_fallbacks() {
    let (world, shop) = world().await;
    let offer = json!({"advertiser_id": shop.advertiser["id"], "name": "O",
                       "destination": "https://shop.example/"});
    let link = json!({"campaign_id": shop.campaign["id"], "offer_id": shop.offer["id"],
                      "publisher_id": shop.publisher["id"]});
    let with = |good: &Value, fallback: &str| {
        let mut body = good.clone();
        body["fallback_url"] = json!(fallback);
        body
    };
    for (path, good) in [("/v1/offers", &offer), ("/v1/links", &link)] {
        for bad in ["http://shop.example/", "https://evil.example/", "https://home.example/"] {
            let reply = world.post(path, with(good, bad)).await;
            assert_eq!(bad_fields(&reply), ["fallback_url"], "{path} {bad}");
        }
        world.make(path, with(good, "https://m.shop.example/bye")).await;
    }
    let home = json!({"host": "go.example", "fallback_url": "https://home.example/"});
    world.make("/v1/domains", home).await;
    for (path, good) in [("/v1/offers", &offer), ("/v1/links", &link)] {
        let made = world.make(path, with(good, "https://home.example/bye")).await;
        let path = format!("{path}/{}", text(&made["id"]));
        let body = json!({"fallback_url": "https://evil.example/"});
        let reply = world.call(&world.admin, "PATCH", &path, Some(body)).await;
        assert_eq!(bad_fields(&reply), ["fallback_url"], "{path}");
    }
}

#[tokio::test]
async fn coupons() {
    let (world, shop) = world().await;
    let good = json!({"campaign_id": shop.campaign["id"], "code": "SALE"});
    let changes: &[(Value, &[&str])] = &[
        (json!({"code": null}), &["code"]),
        (json!({"code": "a b"}), &["code"]),
        (json!({"generate": {}}), &["generate"]),
        (json!({"publisher_id": "pub_00000000000000000000000000"}), &["publisher_id"]),
    ];
    check(&world, "/v1/coupons", &good, changes).await;
    let good =
        json!({"campaign_id": shop.campaign["id"], "generate": {"prefix": "KZ", "length": 6}});
    let changes: &[(Value, &[&str])] = &[
        (json!({"generate": {"count": 1001, "length": 3}}), &["generate.length", "generate.count"]),
        (json!({"generate": {"alphabet": "A"}}), &["generate.alphabet"]),
        (json!({"generate": {"alphabet": "AB", "length": 4, "count": 16}}), &["generate.count"]),
        (json!({"generate": {"suffix": "x"}}), &["generate.suffix"]),
    ];
    check(&world, "/v1/coupons", &good, changes).await;
}

#[tokio::test]
async fn keys_domains_and_tenants() {
    let (world, _) = world().await;
    let changes: &[(Value, &[&str])] = &[
        (json!({"role": "king"}), &["role"]),
        (json!({"role": "advertiser"}), &["advertiser_id"]),
        (json!({"kind": "publishable"}), &["origins", "kind"]),
        (json!({"origins": ["https://shop.example"]}), &["origins"]),
    ];
    check(&world, "/v1/keys", &json!({"role": "cron", "name": "K"}), changes).await;
    let changes: &[(Value, &[&str])] = &[
        (json!({"host": "go shop"}), &["host"]),
        (json!({"fallback_url": "ftp://shop.example"}), &["fallback_url"]),
    ];
    check(&world, "/v1/domains", &json!({"host": "go.shop.example"}), changes).await;
    let changes: &[(Value, &[&str])] = &[(
        json!({"time_zone": "Mars/Olympus", "default_share_pct": 101}),
        &["default_share_pct", "time_zone"],
    )];
    check(&world, "/v1/tenants", &json!({"name": "T"}), changes).await;
}

#[tokio::test]
async fn enrolments() {
    let (world, shop) = world().await;
    let path = format!("/v1/campaigns/{}/enrolments", text(&shop.campaign["id"]));
    let other = world.make("/v1/publishers", json!({"name": "Other"})).await;
    let good = json!({"publisher_id": other["id"]});
    let changes: &[(Value, &[&str])] = &[
        (json!({"publisher_id": null}), &["publisher_id"]),
        (json!({"status": "maybe", "fixed_fee": "x"}), &["status", "fixed_fee"]),
    ];
    check(&world, &path, &good, changes).await;
    let reply = world.post(&path, json!({"publisher_id": shop.publisher["id"]})).await;
    assert_eq!(reply.status, 409, "it stands there already");
}

#[tokio::test]
async fn what_cannot_be_changed_is_said() {
    let (world, shop) = world().await;
    let path = format!("/v1/offers/{}", text(&shop.offer["id"]));
    let admin = world.admin.clone();
    let change =
        json!({"advertiser_id": "adv_00000000000000000000000000", "colour": 1, "hold_days": 7});
    let reply = world.call(&admin, "PATCH", &path, Some(change)).await;
    assert_eq!(bad_fields(&reply), ["advertiser_id", "colour"]);
    let change =
        json!({"advertiser_id": shop.offer["advertiser_id"], "hold_days": 7, "category": "phones"});
    let reply = world.call(&admin, "PATCH", &path, Some(change)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((&reply.body["hold_days"], &reply.body["category"]), (&json!(7), &json!("phones")));
    assert_eq!(reply.body["terms"], shop.offer["terms"], "the rest stays");
    let reply = world
        .call(&admin, "PATCH", &path, Some(json!({"category": null, "click_param": null})))
        .await;
    assert_eq!((&reply.body["category"], &reply.body["click_param"]), (&Value::Null, &Value::Null));
    assert_eq!(reply.body["ref_param"], "ref_code");
}
