//! What people decide: the review queue, and credit by hand.

use model::catalog::Role;
use model::id::CampaignId;
use model::id::LinkId;
use serde_json::Value;
use serde_json::json;

use crate::api::tests::bad_fields;
use crate::api::tests::office::Office;
use crate::api::tests::office::column;
use crate::api::tests::office::kzt;
use crate::api::tests::text;
use crate::pipeline::tests::world::AIGERIM;
use crate::pipeline::tests::world::BOTA;
use crate::pipeline::tests::world::DAY;
use crate::pipeline::tests::world::TENANT;

#[tokio::test]
async fn a_person_decides_once_and_the_books_follow() {
    let mut office = Office::open().await;
    let row = office.sell_to_a_bot("R-1").await;
    let id = text(&row["id"]).to_owned();
    assert_eq!((&row["held_by"], &row["reason"]), (&json!("filtered_click"), &Value::Null));
    let publisher = office.key(Role::Publisher).await;
    let path = format!("/v1/conversions/{id}/reject");
    let refused = office.api.call(&publisher, "POST", &path, Some(json!({}))).await;
    assert_eq!(refused.status, 403);
    let reply = office.act(&path, json!({"reason": "returned by hand"})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((&reply.body["id"], &reply.body["status"]), (&json!(id), &json!("rejected")));
    assert_eq!(reply.body["awaiting"], json!([]));
    assert_eq!(reply.body["reason"], "returned by hand");
    assert_eq!(office.balance().await["pending"], kzt("0.00"));
    let shown = office.order("R-1").await;
    assert_eq!((&shown["reason"], &shown["held_by"]), (&reply.body["reason"], &Value::Null));
    for again in [path.clone(), path.replace("reject", "approve")] {
        let again = office.act(&again, json!({})).await;
        assert_eq!(again.status, 409, "{}", again.body);
        assert_eq!(again.headers["content-type"], "application/problem+json");
    }
    let log = office.get(&format!("/v1/audit/log?object_id={id}")).await;
    assert_eq!(log["data"].as_array().expect("rows").last().expect("a row")["verb"], "reject");
    assert!(log.to_string().contains("returned by hand"), "{log}");
    let missing = path.replace(&id, "cnv_none");
    assert_eq!(office.act(&missing, json!({})).await.status, 404);
}

#[tokio::test]
async fn what_nothing_holds_is_not_for_the_review() {
    let mut office = Office::open().await;
    let pending = office.sell(1, "N-1").await;
    let released = office.sell(1, "N-2").await;
    office.line.clock.advance(20 * DAY);
    office.line.postback("order_id=N-1&status=rejected").await;
    office.line.settle.release_due().await.expect("a run");
    for (row, status) in [(&pending, "reversed"), (&released, "approved")] {
        let order = office.order(text(&row["order_ref"])).await;
        assert_eq!(order["status"], status);
        for verb in ["approve", "reject"] {
            let path = format!("/v1/conversions/{}/{verb}", text(&row["id"]));
            let reply = office.act(&path, json!({"reason": "no question was asked"})).await;
            assert_eq!(reply.status, 409, "{path}: {}", reply.body);
        }
        assert_eq!(office.order(text(&row["order_ref"])).await, order);
    }
    assert_eq!(office.balance().await["available"], kzt("700.00"));
}

#[tokio::test]
async fn a_change_back_is_shown_and_decided_by_a_person() {
    let mut office = Office::open().await;
    let id = text(&office.sell(1, "B-1").await["id"]).to_owned();
    for (query, outcome) in [("status=returned", "updated"), ("status=approved", "held")] {
        let row = office.line.postback(&format!("order_id=B-1&{query}")).await;
        assert_eq!(row.outcome.as_str(), outcome);
    }
    let held = office.get("/v1/conversions?held=true").await;
    assert_eq!(column(&held, "held_by"), ["changed_back"]);
    assert_eq!(held["data"][0]["status"], "reversed");
    assert_eq!(office.get("/v1/conversions?held=false").await["data"], json!([]));
    let told = office.get("/v1/inbound?outcome=held&reason=changed_back").await;
    assert_eq!(column(&told, "conversion_id"), std::slice::from_ref(&id));
    let path = format!("/v1/conversions/{id}/approve");
    let reply = office.act(&path, json!({"reason": "the shop confirmed it"})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["status"]), (200, &json!("pending")));
    assert_eq!(office.balance().await["pending"], kzt("700.00"));
    let shown = office.get(&format!("/v1/conversions/{id}")).await;
    let news = &shown["revisions"][2];
    assert_eq!((&news["effect"], &news["revision"]), (&json!("applied"), &json!(3)));
    assert_eq!(news["decided_why"], "the shop confirmed it");
    assert_eq!(news["decided_by"], shown["reviewed_by"]);
    let log = office.get(&format!("/v1/audit/log?object_id={id}")).await;
    assert_eq!(log["data"][0]["verb"], "approve");
    assert_eq!(office.act(&path, json!({})).await.status, 409);
}

/// A credit by hand to Aigerim in her first campaign.
fn by_hand(order_ref: Option<&str>) -> Value {
    let mut body = json!({
        "campaign_id": CampaignId(41).to_string(), "publisher_id": AIGERIM.to_string(),
        "order_amount": "10000.00", "reason": "the pixel was missing",
    });
    if let Some(order_ref) = order_ref {
        body["order_ref"] = json!(order_ref);
    }
    body
}

async fn enrolled() -> Office {
    let office = Office::open().await;
    let (campaign, publisher) = (CampaignId(41), AIGERIM);
    let enrolment = model::id::EnrolmentId(91);
    let sql = format!(
        "INSERT INTO enrolments VALUES ('{TENANT}', '{enrolment}', '{campaign}', '{publisher}', \
         'active', NULL, '{}', 0, NULL)",
        LinkId(65)
    );
    office.line.store.tamper(&[&sql]).await.expect("a row");
    office
}

#[tokio::test]
async fn credit_by_hand_is_posted_once_per_order_with_its_reason() {
    let mut office = Box::pin(enrolled()).await;
    let reply = office.act("/v1/conversions", by_hand(Some("H-1"))).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let expected = json!({
        "status": "pending", "awaiting": ["time"], "order_ref": "H-1", "rule": "manual",
        "reason": "the pixel was missing", "order_amount": kzt("10000.00"),
        "charge": kzt("1000.00"), "net": kzt("700.00"), "link_id": null, "held_by": null,
    });
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&reply.body[name], value, "{name}");
    }
    assert_eq!(reply.body["conversion_id"], reply.body["id"]);
    assert_eq!(office.balance().await["pending"], kzt("700.00"));
    let id = text(&reply.body["id"]);
    let shown = office.get(&format!("/v1/conversions/{id}")).await;
    let explanation = &shown["explanation"];
    assert_eq!((&explanation["rule"], &explanation["confidence"]), (&json!("manual"), &json!(100)));
    assert_eq!((&explanation["inbound"], &explanation["adapter"]), (&Value::Null, &Value::Null));
    assert_eq!(shown["revisions"][0]["decided_by"], shown["reviewed_by"]);
    let log = office.get(&format!("/v1/audit/log?object_id={id}")).await;
    assert_eq!(log["data"][0]["verb"], "create");
    // Nobody is paid twice, whoever tells it.
    assert_eq!(office.act("/v1/conversions", by_hand(Some("H-1"))).await.status, 409);
    let click = office.line.click(1);
    let told = format!("order_id=H-1&click_id={click}&amount=10000&status=approved");
    assert_eq!(office.line.postback(&told).await.outcome.as_str(), "duplicate");
    assert_eq!(office.balance().await["pending"], kzt("700.00"));
    let news = office.line.postback("order_id=H-1&status=returned").await;
    assert_eq!(news.outcome.as_str(), "updated");
    assert_eq!(office.balance().await["pending"], kzt("0.00"));
}

#[tokio::test]
async fn credit_by_hand_names_what_is_missing_and_touches_nothing() {
    let office = Box::pin(enrolled()).await;
    let with = |name: &str, value: Value| {
        let mut body = by_hand(None);
        body[name] = value;
        body
    };
    for (body, fields) in [
        (json!({}), vec!["reason", "campaign_id", "publisher_id", "offer_id"]),
        (with("reason", json!("")), vec!["reason"]),
        (with("order_amount", json!("-1")), vec!["order_amount"]),
        (with("order_amount", Value::Null), vec!["order_amount"]),
        (with("publisher_id", json!(BOTA.to_string())), vec!["publisher_id"]),
        (with("action", json!("landing")), vec!["order_amount"]),
        (with("offer_id", json!(model::id::OfferId(32).to_string())), vec!["offer_id"]),
    ] {
        let reply = office.act("/v1/conversions", body.clone()).await;
        assert_eq!(bad_fields(&reply), fields, "{body}");
    }
    assert_eq!(office.get("/v1/conversions").await["data"], json!([]));
    let stated = with("charge", json!({"amount": "55.00", "currency": "KZT"}));
    for _ in 0..2 {
        // Without a number, each is an order of its own.
        let reply = office.act("/v1/conversions", stated.clone()).await;
        assert_eq!((reply.status.as_u16(), &reply.body["charge"]), (201, &kzt("55.00")));
        assert!(text(&reply.body["order_ref"]).starts_with("manual:"));
    }
    let advertiser = office.key(Role::Advertiser).await;
    let refused = office.api.call(&advertiser, "POST", "/v1/conversions", Some(by_hand(None)));
    assert_eq!(refused.await.status, 403);
}
