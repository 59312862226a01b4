//! The ledger, the reports and the rules, over rows that the pipeline itself has made.

use model::click_id::ClickFlags;
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
async fn the_books_read_as_money_and_sum_to_zero() {
    let mut office = Office::open().await;
    office.sell(1, "L-1").await;
    office.line.clock.advance(DAY);
    let first = office.line.now();
    let released = office.sell(2, "L-2").await;
    let accounts = office.get(&format!("/v1/ledger/accounts?owner={AIGERIM}")).await;
    let shown: Vec<String> = accounts["data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{} {}", text(&row["kind"]), text(&row["balance"]["amount"])))
        .collect();
    assert_eq!(shown, ["publisher_pending 700.00", "tax_pending 100.00"]);
    let conversion = text(&released["id"]);
    let list = office.get(&format!("/v1/ledger/transactions?conversion_id={conversion}")).await;
    let transaction = &list["data"][0];
    assert_eq!(transaction["conversion_id"], released["id"]);
    assert_eq!(transaction["postings"][0]["amount"], kzt("1000.00"));
    assert_eq!(text(&transaction["hash"]).len(), 64);
    for (at, debits) in [
        (String::new(), "2000.00"),
        (format!("?at={}", crate::api::time::text(first)), "1000.00"),
        ("?at=2026-03-01".to_owned(), "1000.00"),
    ] {
        let trial = office.get(&format!("/v1/ledger/trial-balance{at}")).await;
        let expected = json!([{"currency": "KZT", "debits": kzt(debits), "credits": kzt(debits),
                               "difference": kzt("0.00")}]);
        assert_eq!(trial["data"], expected, "{at}");
    }
    let checks = office.get("/v1/audit/checks").await;
    let named: Vec<String> = (1..=12).map(|number| format!("A{number}")).collect();
    assert_eq!(column(&checks, "check"), named);
    assert_eq!(column(&checks, "value"), vec!["0"; 12], "{checks}");
}

#[tokio::test]
async fn every_report_shows_the_same_numbers() {
    let mut office = Office::open().await;
    for (link, order_ref) in [(1, "O-1"), (2, "O-2"), (1, "O-3")] {
        office.sell(link, order_ref).await;
        office.line.clock.advance(DAY);
    }
    let overview = office.get("/v1/stats/overview").await;
    assert!(overview["clicks"].is_u64() && overview["filtered"].is_u64());
    assert!(overview["conversion_rate"].is_number());
    assert_eq!(overview["conversions"], 3);
    assert_eq!(overview["gmv"], kzt("30000.00"));
    assert_eq!(overview["charge"], kzt("3000.00"));
    assert_eq!(overview["commission"], kzt("2400.00"));
    assert_eq!(overview["net"], kzt("2200.00"));
    assert!(overview["events"].is_object());
    for alias in ["/stats/overview", "/influencer/stats/overview"] {
        assert_eq!(office.get(alias).await, overview, "{alias}");
    }
    let sum = |list: &Value, name: &str| -> i64 {
        let rows = list["data"].as_array().expect("rows");
        rows.iter().map(|row| row[name].as_i64().expect("a count")).sum()
    };
    for path in [
        "/v1/stats/chart",
        "/v1/stats/chart?granularity=hour",
        "/stats/chart?granularity=month",
        "/v1/stats/per-publisher",
        "/stats/per-influencer",
        "/influencer/stats/per-campaign",
    ] {
        assert_eq!(sum(&office.get(path).await, "conversions"), 3, "{path}");
    }
    let chart = office.get("/v1/stats/chart?from=2026-02-28&to=2026-03-04").await;
    assert_eq!(column(&chart, "conversions"), ["0", "1", "1", "1", "0"]);
    assert_eq!(chart["data"][1]["at"], "2026-02-28T19:00:00Z");
    let by = office.get("/v1/stats/per-publisher").await;
    assert_eq!(column(&by, "publisher_id"), [AIGERIM.to_string(), BOTA.to_string()]);
    let funnel = office.get("/v1/stats/funnel").await;
    assert_eq!(funnel["data"].as_array().expect("rows").last().expect("one")["count"], 3);
    let creator = format!("/v1/analytics/creator?period=7d&publisher_id={AIGERIM}");
    let expected = json!({"clicks": overview["clicks"], "conversions": 2,
                          "earnings": kzt("1400.00"), "shared": kzt("0.00")});
    assert_eq!(office.get(&creator).await, expected);
}

#[tokio::test]
async fn a_shopper_is_told_amount_status_and_time() {
    let mut office = Office::open().await;
    let click = office.line.click_with(1, ClickFlags { has_user: true, ..ClickFlags::PLAIN });
    let user = format!("INSERT INTO click_users VALUES ('{TENANT}', '{click}', 'user-1')");
    office.line.store.tamper(&[user.as_str()]).await.expect("a row");
    let query = format!("click_id={click}&order_id=W-1&amount=10000&status=approved");
    office.line.postback(&query).await;
    let row = office.order("W-1").await;
    let expected = json!([{"amount": kzt("400.00"), "status": "pending",
                           "eta": row["release_at"], "conversion_id": row["id"]}]);
    assert_eq!(office.get("/v1/rewards/user?user_id=user-1").await, expected);
    assert_eq!(office.get("/v1/rewards/user?user_id=nobody").await, json!([]));
    let creator = office.get("/v1/analytics/creator").await;
    assert_eq!(creator["shared"], kzt("400.00"));
}

#[tokio::test]
async fn a_rule_is_set_by_name() {
    let office = Office::open().await;
    let set = |body: Value| office.api.call(&office.api.admin, "PUT", "/v1/rules", Some(body));
    let list = office.get("/v1/rules").await;
    assert_eq!(column(&list, "name"), ["duplicate-order", "velocity"]);
    assert_eq!(column(&list, "state"), ["active", "active"]);
    assert_eq!(list["data"][1]["version"], "1.0.0");
    let body = json!({"name": "velocity", "state": "shadow", "config": {"most": 3}});
    let reply = set(body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let reply = set(json!({"name": "velocity", "state": "off"})).await;
    assert_eq!(reply.body["config"], json!({"most": 3}), "what was not sent stays");
    assert_eq!(column(&office.get("/v1/rules").await, "state"), ["active", "off"]);
    let unknown = set(json!({"name": "generic", "state": "blue", "colour": 1})).await;
    assert_eq!(bad_fields(&unknown), ["colour", "name", "state"]);
    assert_eq!(bad_fields(&set(json!({})).await), ["name", "state"]);
}
