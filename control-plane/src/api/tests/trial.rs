//! Trying an integration out.

use model::id::LinkId;
use serde_json::json;

use crate::api::tests::bad_fields;
use crate::api::tests::office::Office;
use crate::api::tests::text;
use crate::pipeline::tests::world::SHOP_EVENTS;
use crate::pipeline::tests::world::SHOP_POSTBACK;
use crate::pipeline::tests::world::SHOP_SECOND;
use crate::pipeline::tests::world::TRACKIER;

#[tokio::test]
async fn an_integration_is_tried_out_without_touching_money() {
    let mut office = Office::open().await;
    let path =
        |integration: model::id::IntegrationId| format!("/v1/integrations/{integration}/test");
    for (integration, body) in [
        (SHOP_POSTBACK, json!({})),
        (SHOP_SECOND, json!({"link_id": LinkId(61).to_string()})),
        (SHOP_EVENTS, json!({})),
        (TRACKIER, json!({})),
        (SHOP_POSTBACK, json!({"query": "clickid={click_id}&tid=7&sum=1000&state=sale"})),
        (
            SHOP_POSTBACK,
            json!({"body": "{\n\"click_id\": \"{click_id}\", \"amount\": 1000}",
                               "content_type": "application/json"}),
        ),
    ] {
        let reply = office.act(&path(integration), body.clone()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.body);
        let (outcome, reason) = (&reply.body["outcome"], &reply.body["reason"]);
        assert_eq!((outcome, reason), (&json!("ignored"), &json!("test_mode")));
        assert_eq!(reply.body["would"]["outcome"], "converted", "{}", reply.body);
        assert_eq!(reply.body["would"]["explanation"]["rule"], "click_id");
        let claim = &reply.body["claims"][0];
        assert_eq!((&claim["amount"], &claim["status"]), (&json!("1000"), &claim["status"]));
        assert_eq!(claim["click_ids"][0], reply.body["click_id"]);
    }
    let wrong = office.act(&path(SHOP_POSTBACK), json!({"query": "order_id=1&amount=x"})).await;
    assert_eq!(wrong.body["would"]["outcome"], "malformed");
    for (body, field) in [
        (json!({"link_id": LinkId(66).to_string()}), "link_id"),
        (json!({"link_id": "x"}), "link_id"),
        (json!({"body": 7}), "body"),
    ] {
        assert_eq!(bad_fields(&office.act(&path(SHOP_POSTBACK), body).await), [field]);
    }
    for table in ["inbound", "conversions", "transactions", "events", "touches"] {
        assert_eq!(office.line.count(table).await, 0, "{table}");
    }
    // The test click in earnest earns nothing without a person.
    let reply = office.act(&path(SHOP_POSTBACK), json!({})).await;
    let click = text(&reply.body["click_id"]);
    let row = office.line.postback(&format!("order_id=T-1&click_id={click}&amount=100")).await;
    assert_eq!((row.outcome.as_str(), row.reason.as_deref()), ("held", Some("filtered_click")));
}

#[tokio::test]
async fn a_sample_follows_the_names_and_paths_of_the_configuration() {
    let office = Office::open().await;
    let path = format!("/v1/integrations/{SHOP_POSTBACK}/test");
    for (config, place) in [
        (r#"{"names":{"amount":["summa"],"order_ref":"zakaz"}}"#, "query"),
        (r#"{"paths":{"amount":"order.lines[1].sum","click_id":"meta.click"}}"#, "body"),
    ] {
        let sql =
            format!("UPDATE integrations SET config = '{config}' WHERE id = '{SHOP_POSTBACK}'");
        office.line.store.tamper(&[&sql]).await.expect("a row");
        let reply = office.act(&path, json!({})).await;
        assert_eq!(reply.body["would"]["outcome"], "converted", "{}", reply.body);
        assert_eq!(reply.body["claims"][0]["amount"], "1000");
        assert_ne!(reply.body["request"][place], "");
    }
}
