//! A publisher sees its own rows only, an advertiser its own, a tenant nothing of another.

use harness::Shop;
use harness::World;
use harness::sentences::id_of;
use harness::sentences::rows;
use harness::sentences::text;
use serde_json::Value;
use serde_json::json;

fn order_refs(world: &World, key: &str) -> Vec<String> {
    let list = world.api_as(key, "/v1/conversions").expect_status(200).json();
    rows(&list).iter().map(|row| text(&row["order_ref"])).collect()
}

/// Not found, or forbidden: never the row.
fn is_hidden(world: &World, key: &str, target: &str) {
    let answer = world.api_as(key, target);
    assert!([403, 404].contains(&answer.status), "{target}: {} {}", answer.status, answer.text());
}

#[test]
fn a_publisher_sees_its_own_rows_only() {
    let world = World::start();
    let first = Shop::open(&world, "pub-one");
    let other = world.publisher("pub-two");
    let second = first.enrol(&world, &other, "pub-two");
    for (shop, order_ref) in [(&first, "U-1"), (&second, "U-2")] {
        shop.sell(&world, order_ref);
        world.conversion(order_ref);
    }
    let key = world.create(
        "/v1/keys",
        &json!({"role": "publisher", "name": "phone", "publisher_id": first.publisher}),
    );
    let key = text(&key["key"]);
    assert_eq!(order_refs(&world, &key), ["U-1"]);
    let own = format!("/v1/publishers/{}/balance", first.publisher);
    world.api_as(&key, &own).expect_status(200).json();
    is_hidden(&world, &key, &format!("/v1/publishers/{}/balance", second.publisher));
    let foreign = id_of(&world.conversion("U-2"));
    is_hidden(&world, &key, &format!("/v1/conversions/{foreign}"));
    for admin_only in ["/v1/audit/checks", "/v1/ledger/trial-balance", "/v1/inbound"] {
        is_hidden(&world, &key, admin_only);
    }
    let bearer = format!("Bearer {key}");
    let body = json!({"name": "x", "currency": "KZT"});
    let refused = world.api("POST", "/v1/advertisers", &bearer, &body);
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[test]
fn an_advertiser_sees_its_own_rows_only() {
    let world = World::start();
    let left = Shop::open(&world, "adv-left");
    let right = Shop::open(&world, "adv-right");
    for (shop, order_ref) in [(&left, "V-1"), (&right, "V-2")] {
        shop.sell(&world, order_ref);
        world.conversion(order_ref);
    }
    let key = left.key(&world);
    assert_eq!(order_refs(&world, &key), ["V-1"]);
    let foreign = id_of(&world.conversion("V-2"));
    is_hidden(&world, &key, &format!("/v1/conversions/{foreign}"));
}

#[test]
fn a_tenant_sees_nothing_of_another() {
    let world = World::start();
    let shop = Shop::open(&world, "tenant-one");
    shop.sell(&world, "W-1");
    let conversion = id_of(&world.conversion("W-1"));
    let tenant = world.create("/v1/tenants", &json!({"name": "Second"}));
    let key = text(&tenant["admin_key"]);
    let lists = [
        "/v1/advertisers",
        "/v1/integrations",
        "/v1/offers",
        "/v1/campaigns",
        "/v1/publishers",
        "/v1/links",
        "/v1/conversions",
        "/v1/inbound",
    ];
    for list in lists {
        let found = rows(&world.api_as(&key, list).expect_status(200).json());
        assert_eq!(found, Vec::<Value>::new(), "{list}");
    }
    let foreign = [
        format!("/v1/conversions/{conversion}"),
        format!("/v1/publishers/{}/balance", shop.publisher),
        format!("/v1/inbound?integration_id={}", shop.integration),
    ];
    for target in &foreign[..2] {
        assert_eq!(world.api_as(&key, target).status, 404, "{target}");
    }
    let found = world.api_as(&key, &foreign[2]);
    assert!(found.status == 404 || rows(&found.json()).is_empty(), "{}", found.text());
    let body = json!({"advertiser_id": shop.advertiser, "name": "x", "adapter": "generic"});
    let refused = world.api("POST", "/v1/integrations", &format!("Bearer {key}"), &body);
    assert!([404, 422].contains(&refused.status), "{}", refused.text());
}

#[test]
fn no_key_or_a_wrong_key_is_401() {
    let world = World::start();
    for authorization in ["", "Bearer nothing", "Bearer gm_live_nobody_nothing", "Basic YTpi"] {
        let answer = world.api("GET", "/v1/conversions", authorization, &Value::Null);
        assert_eq!(answer.status, 401, "{authorization:?}: {}", answer.text());
    }
}

#[test]
fn unknown_fields_are_422_by_name() {
    let world = World::start();
    let body = json!({"name": "x", "currency": "KZT", "colour": "red"});
    let answer = world.api_post("/v1/advertisers", &body);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["errors"][0]["field"], "colour", "{}", answer.text());
}

#[test]
fn the_same_idempotency_key_makes_one_object() {
    let world = World::start();
    let authorization = format!("Bearer {}", world.admin_key());
    let body = json!({"name": "Once", "code": "once"}).to_string();
    let post = || {
        world.control(&harness::http::Request {
            method: "POST",
            target: "/v1/publishers",
            headers: &[
                ("authorization", &authorization),
                ("content-type", "application/json"),
                ("idempotency-key", "one"),
            ],
            body: body.as_bytes(),
        })
    };
    let ids = [post(), post()].map(|answer| id_of(&answer.expect_status(201).json()));
    assert_eq!(ids[0], ids[1]);
    let made = rows(&world.api_get("/v1/publishers").expect_status(200).json());
    assert_eq!(made.iter().filter(|row| row["code"] == "once").count(), 1);
}
