//! The objects of the worked story, as the contract shows them.

use serde_json::json;

use crate::api::tests::World;
use crate::api::tests::text;

#[tokio::test]
async fn the_worked_story_answers_as_the_contract_says() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    for (kind, object, prefix) in [
        ("advertiser", &shop.advertiser, "adv_"),
        ("integration", &shop.integration, "int_"),
        ("offer", &shop.offer, "off_"),
        ("campaign", &shop.campaign, "cmp_"),
        ("publisher", &shop.publisher, "pub_"),
        ("enrolment", &shop.enrolment, "enr_"),
        ("link", &shop.link, "lnk_"),
        ("coupon", &shop.coupon, "cpn_"),
    ] {
        assert!(text(&object["id"]).starts_with(prefix));
        assert_eq!(object["id"], object[&format!("{kind}_id")], "{kind}");
    }
    let integration = &shop.integration;
    let expected = format!(
        "http://127.0.0.1:8080/postback/{}?token={}",
        text(&integration["id"]),
        text(&integration["token"])
    );
    assert_eq!(integration["postback_url"], expected);
    assert_eq!(shop.link["slug"], "spring");
    assert_eq!(shop.link["url"], "http://127.0.0.1:8080/spring");
    assert_eq!(shop.link["smart_link"], shop.link["url"]);
    assert_eq!(shop.offer["commission_pct"].to_string(), "10");
    assert_eq!(shop.coupon["code"], "AIGERIM10");
    let path = format!("/v1/publishers/{}/balance", text(&shop.publisher["id"]));
    let balance = world.get(&path).await;
    assert_eq!(balance.status, 200);
    assert_eq!(balance.body["pending"], json!({"amount": "0.00", "currency": "KZT"}));
    assert_eq!(balance.body["tax_pending"], json!({"amount": "0.00", "currency": "KZT"}));
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let path = format!("/v1/integrations/{}", text(&shop.integration["id"]));
    let again = world.get(&path).await.body;
    assert!(again.get("token").is_none() && again.get("hmac_secret").is_none());
    assert!(!again.to_string().contains(text(&shop.integration["token"])));
    let keys = format!("/v1/advertisers/{}/keys", text(&shop.advertiser["id"]));
    let key = world.make(&keys, json!({})).await;
    assert!(text(&key["key"]).starts_with("gm_live_"));
    assert_eq!(key["role"], "advertiser");
    let listed = world.get(&keys).await.body;
    assert_eq!(listed["data"][0]["id"], key["id"]);
    assert!(listed["data"][0].get("key").is_none());
}

#[tokio::test]
async fn the_document_and_the_pages_need_no_key() {
    let world = World::new().await;
    for path in ["/", "/docs", "/docs.js", "/openapi.json"] {
        let reply = world.call("", "GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.headers.contains_key("content-security-policy"));
    }
    let document = world.call("", "GET", "/openapi.json", None).await.body;
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    let create = &document["paths"]["/v1/links"]["post"];
    let fields = &create["requestBody"]["content"]["application/json"]["schema"]["properties"];
    assert!(fields["campaign_id"].is_object(), "{create}");
}
