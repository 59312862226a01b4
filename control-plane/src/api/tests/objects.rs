//! What objects do over their life.

use model::clock::Clock;
use serde_json::Value;
use serde_json::json;

use crate::api::tests::World;
use crate::api::tests::text;

#[tokio::test]
async fn pages_are_stable_while_rows_are_added() {
    let world = World::new().await;
    for number in 0..5 {
        world.make("/v1/publishers", json!({"name": format!("P{number}")})).await;
    }
    let names = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().expect("rows");
        rows.iter().map(|row| text(&row["name"]).to_owned()).collect()
    };
    let first = world.get("/v1/publishers?limit=2").await.body;
    assert_eq!(names(&first), ["P4", "P3"]);
    world.make("/v1/publishers", json!({"name": "late"})).await;
    let cursor = text(&first["next_cursor"]);
    let second = world.get(&format!("/v1/publishers?limit=2&cursor={cursor}")).await.body;
    assert_eq!(names(&second), ["P2", "P1"]);
    let cursor = text(&second["next_cursor"]);
    let last = world.get(&format!("/v1/publishers?limit=2&cursor={cursor}")).await.body;
    assert_eq!((names(&last), &last["next_cursor"]), (vec!["P0".to_owned()], &Value::Null));
}

#[tokio::test]
async fn amounts_are_read_by_their_letters() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let id = text(&shop.advertiser["id"]);
    for (given, shown) in [
        ("1000.10", Some("1000.10")),
        ("\"1000.10\"", Some("1000.10")),
        ("90071992547.43", Some("90071992547.43")),
        ("{\"amount\":\"0.1\",\"currency\":\"kzt\"}", Some("0.10")),
        ("1e3", None),
        ("100000000000.01", None),
        ("0.001", None),
    ] {
        let body = format!("{{\"name\":\"B\",\"advertiser_id\":\"{id}\",\"budget\":{given}}}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let reply = world.post("/v1/campaigns", body).await;
        match shown {
            Some(shown) => {
                assert_eq!(reply.status, 201, "{given}: {}", reply.body);
                assert_eq!(reply.body["budget"], json!({"amount": shown, "currency": "KZT"}));
            }
            None => assert_eq!(reply.status, 422, "{given}"),
        }
    }
}

#[tokio::test]
async fn coupons_are_generated_unique_and_codes_are_never_given_again() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let generate = json!({"prefix": "kz-", "length": 5, "alphabet": "digits", "count": 50});
    let body = json!({"campaign_id": shop.campaign["id"], "generate": generate});
    let made = world.make("/v1/coupons", body).await;
    let codes: std::collections::BTreeSet<&str> =
        made["data"].as_array().expect("rows").iter().map(|row| text(&row["code"])).collect();
    assert_eq!(codes.len(), 50);
    assert!(codes.iter().all(|code| code.starts_with("KZ-") && code.len() == 8));
    let path = format!("/v1/coupons/{}", text(&shop.coupon["id"]));
    let renewed = world.post(&format!("{path}/regenerate"), json!({})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    assert_eq!(renewed.body["id"], shop.coupon["id"]);
    assert_ne!(renewed.body["code"], shop.coupon["code"]);
    let again = json!({"campaign_id": shop.campaign["id"], "code": "aigerim10"});
    assert_eq!(world.post("/v1/coupons", again).await.status, 409);
    let past = world.get("/v1/coupons?code=aigerim10").await.body;
    assert_eq!(past["data"][0]["status"], "invalid");
    let gone = world.post(&format!("{path}/invalidate"), json!({})).await.body;
    assert_eq!(gone["status"], "invalid");
    let renewed = world.post(&format!("{path}/regenerate"), json!({})).await;
    assert_eq!(renewed.status, 409, "{}", renewed.body);
}

#[tokio::test]
async fn what_is_deleted_is_listed_only_when_it_is_asked_for() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let domain = world.make("/v1/domains", json!({"host": "go.shop.example"})).await;
    let key = world.make("/v1/keys", json!({"role": "cron", "name": "K"})).await;
    let enrolments = format!("/v1/campaigns/{}/enrolments", text(&shop.campaign["id"]));
    // What others stand on goes last.
    for (item, list, object) in [
        ("/v1/keys", "/v1/keys", &key),
        ("/v1/links", "/v1/links", &shop.link),
        ("/v1/coupons", "/v1/coupons", &shop.coupon),
        ("/v1/integrations", "/v1/integrations", &shop.integration),
        ("/v1/enrolments", enrolments.as_str(), &shop.enrolment),
        ("/v1/domains", "/v1/domains", &domain),
        ("/v1/campaigns", "/v1/campaigns", &shop.campaign),
        ("/v1/offers", "/v1/offers", &shop.offer),
        ("/v1/publishers", "/v1/publishers", &shop.publisher),
        ("/v1/advertisers", "/v1/advertisers", &shop.advertiser),
    ] {
        let listed = async |archived: &str| {
            let page = world.get(&format!("{list}{archived}")).await.body;
            let rows = page["data"].as_array().expect("rows");
            rows.iter().any(|row| row["id"] == object["id"])
        };
        assert_eq!((listed("").await, listed("?archived=true").await), (true, false), "{list}");
        let path = format!("{item}/{}", text(&object["id"]));
        world.delete(&path).await;
        assert_eq!((listed("").await, listed("?archived=true").await), (false, true), "{list}");
        assert!(!listed("?archived=false").await, "{list}");
        assert_eq!(world.get(&path).await.status, 200, "{path} is still there");
    }
    let killed = world.get("/v1/links?archived=true").await.body;
    assert_eq!(killed["data"][0]["state"], "killed");
    assert!(killed["data"][0]["archived_at"].is_string());
    for path in ["/v1/links?archived=perhaps", "/v1/conversions?archived=true"] {
        assert_eq!(world.get(path).await.status, 422, "{path}");
    }
}

#[tokio::test]
async fn a_killed_link_stays_in_the_list() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let path = format!("/v1/links/{}/kill", text(&shop.link["id"]));
    assert_eq!(world.post(&path, json!({})).await.status, 200);
    let list = world.get("/v1/links").await.body;
    assert_eq!(list["data"][0]["state"], "killed");
    assert_eq!(list["data"][0]["archived_at"], Value::Null);
}

#[tokio::test]
async fn a_link_has_its_address_as_a_qr_code() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let path = format!("/v1/links/{}/qr.svg", text(&shop.link["id"]));
    let (status, headers, svg) = world.text(&admin, &path).await;
    assert_eq!(status, 200, "{svg}");
    assert_eq!(headers["content-type"], "image/svg+xml");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    let (_, _, again) = world.text(&admin, &path).await;
    assert_eq!(again, svg);
    let other = json!({"campaign_id": shop.campaign["id"], "publisher_id": shop.publisher["id"],
                       "slug": "autumn"});
    let other = world.make("/v1/links", other).await;
    let path = format!("/v1/links/{}/qr.svg", text(&other["id"]));
    assert_ne!(world.text(&admin, &path).await.2, svg, "another address is another code");
    let missing = world.get("/v1/links/lnk_00000000000000000000000000/qr.svg").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_personal_coupon_needs_an_enrolment() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let stranger = world.make("/v1/publishers", json!({"name": "stranger"})).await;
    let body = json!({"campaign_id": shop.campaign["id"], "publisher_id": stranger["id"],
                      "code": "STRANGER"});
    let reply = world.post("/v1/coupons", body).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    assert_eq!(reply.body["errors"][0]["field"], "publisher_id");
}

#[tokio::test]
async fn the_first_domain_of_the_first_tenant_takes_the_place_of_any() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    assert_eq!(world.get("/v1/domains").await.body["data"][0]["host"], "*");
    let tenant = world.make("/v1/tenants", json!({"name": "second"})).await;
    let other = text(&tenant["admin_key"]).to_owned();
    world.make_as(&other, "/v1/domains", json!({"host": "go.other.example"})).await;
    assert_eq!(world.get("/v1/domains").await.body["data"][0]["host"], "*");
    world.make("/v1/domains", json!({"host": "GO.shop.example"})).await;
    let hosts = world.get("/v1/domains").await.body;
    assert_eq!(hosts["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(hosts["data"][0]["host"], "go.shop.example");
    let reply = world.post("/v1/domains", json!({"host": "go.other.example"})).await;
    assert_eq!(reply.status, 409);
    let path = format!("/v1/links/{}", text(&shop.link["id"]));
    assert_eq!(world.get(&path).await.body["url"], "https://go.shop.example/spring");
    let only = text(&hosts["data"][0]["id"]).to_owned();
    world.delete(&format!("/v1/domains/{only}")).await;
    assert_eq!(world.get("/v1/domains").await.body["data"][0]["host"], "*");
}

#[tokio::test]
async fn rotated_integration_secrets_live_side_by_side_and_never_three() {
    let world = World::new().await;
    let body = json!({"name": "N", "adapter": "generic", "auth": {"token": true, "hmac": true}});
    let made = world.make("/v1/integrations", body).await;
    assert_eq!(made["order_space"], made["id"], "a network has its own order numbers");
    assert!(text(&made["hmac_secret"]).starts_with("whsec_"));
    let path = format!("/v1/integrations/{}/rotate", text(&made["id"]));
    for _ in 0..2 {
        let reply = world.post(&path, json!({"overlap_hours": 1})).await;
        assert_eq!(reply.status, 200);
        assert_ne!(reply.body["token"], made["token"]);
    }
    let id = text(&made["id"]).parse().expect("an id");
    let tenant = text(&world.get("/v1/me").await.body["tenant_id"]).parse().expect("an id");
    let mut tx = world.store.read(tenant).await.expect("reads");
    let row = tx.integrations().get(id, store::listing::Reach::Tenant).await.expect("reads");
    tx.cancel().await.expect("ends");
    let row = row.expect("is there");
    assert_eq!((row.token_hashes.len(), row.hmac_secrets.len()), (2, 2));
    assert_eq!(row.token_hashes[0].expires_at, None);
}

#[tokio::test]
async fn changes_are_logged_with_their_author_and_without_contacts() {
    let world = World::new().await;
    let body = json!({"name": "P", "phone": "+77010000000"});
    let publisher = world.make("/v1/publishers", body).await;
    let log = world.get("/v1/audit/log").await.body;
    let row = &log["data"][0];
    assert_eq!((&row["verb"], &row["object_kind"]), (&json!("create"), &json!("publishers")));
    assert_eq!(row["object_id"], publisher["id"]);
    assert_eq!(row["actor"], world.get("/v1/me").await.body["key_id"]);
    assert_eq!(row["detail"]["phone"], "***");
}

#[tokio::test]
async fn reports_of_an_empty_shop_are_zero() {
    let world = World::new().await;
    for path in [
        "/v1/stats/overview",
        "/stats/overview",
        "/v1/stats/overview?from=2026-01-01&to=2026-01-31",
    ] {
        let body = world.get(path).await.body;
        assert_eq!(body["clicks"], 0, "{path}: {body}");
        assert_eq!(body["gmv"], json!({"amount": "0.00", "currency": "KZT"}));
        assert_eq!(body["events"], json!({}));
    }
    let checks = world.get("/v1/audit/checks").await;
    assert_eq!(checks.status, 200, "{}", checks.body);
    let rows = checks.body["data"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["value"] == 0), "{}", checks.body);
    assert_eq!(world.get("/v1/ledger/trial-balance").await.body["data"], json!([]));
    for path in [
        "/v1/conversions",
        "/v1/inbound",
        "/v1/unmatched",
        "/v1/ledger/accounts",
        "/v1/ledger/transactions",
        "/v1/stats/per-publisher",
    ] {
        assert_eq!(world.get(path).await.body, json!({"data": [], "next_cursor": null}), "{path}");
    }
}

#[tokio::test]
async fn terms_of_a_campaign_are_replaced_and_the_past_keeps_its_own() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    assert_eq!(shop.campaign["terms"], json!([]));
    let path = format!("/v1/campaigns/{}", text(&shop.campaign["id"]));
    let terms = json!([{"action": "purchase", "type": "percent", "bp": 500},
                       {"action": "signup", "type": "fixed", "amount": "500.00"}]);
    let change = json!({ "terms": terms });
    let reply = world.call(&admin, "PATCH", &path, Some(change)).await;
    assert_eq!((reply.status.as_u16(), &reply.body["terms"]), (200, &terms));
    let reply = world.call(&admin, "PATCH", &path, Some(json!({"terms": []}))).await;
    assert_eq!(reply.body["terms"], json!([]));
    let tenant = text(&world.get("/v1/me").await.body["tenant_id"]).parse().expect("an id");
    let mut tx = world.store.read(tenant).await.expect("reads");
    let scope = (store::terms::TermScope::Campaign, text(&shop.campaign["id"]));
    let at = model::clock::Timestamp(world.clock.now().0 - 2_000);
    let past = tx.terms().live(scope, at).await.expect("reads");
    tx.cancel().await.expect("ends");
    assert_eq!(past.len(), 2, "what was live then still says so");
}

#[tokio::test]
async fn shoppers_are_known_by_their_own_name() {
    let world = World::new().await;
    let body = json!({"user_id": "u-1", "phone": "+77010000000"});
    let made = world.make("/v1/shoppers", body.clone()).await;
    assert_eq!(world.post("/v1/shoppers", body).await.status, 409);
    let found = world.get("/v1/shoppers?user_id=u-1").await.body;
    assert_eq!(found["data"][0]["shopper_id"], made["id"]);
}
