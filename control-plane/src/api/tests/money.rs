//! Conversions, inbound and balances, over rows that the pipeline itself has made.

use model::catalog::Role;
use model::id::LinkId;
use serde_json::Value;
use serde_json::json;
use store::business_keys::OrderKey;
use store::unmatched::UnmatchedRow;

use crate::api::Mutation;
use crate::api::tests::bad_fields;
use crate::api::tests::office::OTHER;
use crate::api::tests::office::Office;
use crate::api::tests::office::SHOP;
use crate::api::tests::office::column;
use crate::api::tests::office::kzt;
use crate::api::tests::text;
use crate::api::time::instant;
use crate::pipeline::tests::world::AIGERIM;
use crate::pipeline::tests::world::BOTA;
use crate::pipeline::tests::world::DAY;
use crate::pipeline::tests::world::OTHER_POSTBACK;
use crate::pipeline::tests::world::SHOP_POSTBACK;
use crate::pipeline::tests::world::TENANT;

#[tokio::test]
async fn a_conversion_reads_as_the_contract_shows_it() {
    let mut office = Office::open().await;
    let row = office.sell(1, "A-1").await;
    let due = instant(office.line.order("A-1").await.release_at);
    assert!(due.is_string());
    assert!(text(&row["id"]).starts_with("cnv_"));
    let expected = json!({
        "conversion_id": row["id"], "status": "pending", "awaiting": ["time"],
        "order_ref": "A-1", "publisher_id": AIGERIM.to_string(),
        "link_id": LinkId(61).to_string(), "order_amount": kzt("10000.00"),
        "charge": kzt("1000.00"), "fee": kzt("200.00"), "commission": kzt("800.00"),
        "shopper": kzt("0.00"), "tax": kzt("100.00"), "net": kzt("700.00"),
        "release_at": due, "held_by": null, "rule": "click_id",
    });
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&row[name], value, "{name}");
    }
    let detail = office.get(&format!("/v1/conversions/{}", text(&row["id"]))).await;
    assert_eq!(detail["explanation"]["rule"], "click_id");
    assert_eq!(detail["explanation"]["adapter"]["name"], "generic");
    assert_eq!(detail["revisions"].as_array().map(Vec::len), Some(1));
    assert!(row.get("explanation").is_none());

    let balance = office.balance().await;
    assert_eq!(balance["pending"], kzt("700.00"));
    assert_eq!(balance["tax_pending"], kzt("100.00"));
    assert_eq!(balance["available"], kzt("0.00"));
    assert_eq!(balance["balances"].as_array().map(Vec::len), Some(1));

    let list = office.get(&format!("/v1/inbound?integration_id={SHOP_POSTBACK}")).await;
    let told = &list["data"][0];
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("converted"), &Value::Null));
    let detail = office.get(&format!("/v1/inbound/{}", text(&told["event_id"]))).await;
    assert_eq!(detail["conversion_id"], row["id"]);
    assert_eq!(detail["explanation_url"], format!("/v1/conversions/{}", text(&row["id"])));
    assert_eq!(detail["claim"]["order_ref"], "A-1");
    assert!(text(&detail["query"]).contains("order_id=A-1"));
    assert_eq!((&detail["body"], &detail["body_encoding"]), (&json!(""), &json!("utf-8")));
}

#[tokio::test]
async fn what_was_not_stated_is_null_and_what_was_not_posted_is_zero() {
    let mut office = Office::open().await;
    let bare = office.balance().await;
    for name in ["pending", "available", "in_payout", "paid", "owed", "tax_pending", "tax_withheld"]
    {
        assert_eq!(bare[name], kzt("0.00"), "{name}");
        assert_eq!(bare["balances"][0][name], kzt("0.00"), "{name}");
    }
    let click = office.line.click(1);
    let query = format!("click_id={click}&order_id=N-1&charge=500&currency=KZT&status=approved");
    let inbound = office.line.inbound(crate::pipeline::tests::world::NETWORK, &query);
    office.line.take(inbound).await;
    let row = office.order("N-1").await;
    assert_eq!(row["order_amount"], Value::Null);
    assert_eq!(row["charge"], kzt("500.00"));
}

#[tokio::test]
async fn filters_narrow_and_unknown_parameters_are_refused_by_name() {
    let mut office = Office::open().await;
    for (link, order_ref) in [(1, "F-1"), (2, "F-2"), (3, "F-3")] {
        office.sell(link, order_ref).await;
        office.line.clock.advance(DAY);
    }
    let campaign = office.order("F-3").await["campaign_id"].clone();
    for (query, expected) in [
        (String::new(), vec!["F-3", "F-2", "F-1"]),
        (format!("publisher_id={BOTA}"), vec!["F-2"]),
        (format!("link_id={}", LinkId(61)), vec!["F-1"]),
        (format!("campaign_id={}", text(&campaign)), vec!["F-3"]),
        (format!("advertiser_id={OTHER}"), vec![]),
        (format!("advertiser_id={SHOP}&status=pending&held=false"), vec!["F-3", "F-2", "F-1"]),
        ("status=approved".to_owned(), vec![]),
        ("held=true".to_owned(), vec![]),
        // The tenant is five hours ahead: its second of March begins on the first.
        ("from=2026-03-02&to=2026-03-02".to_owned(), vec!["F-2"]),
        ("from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z".to_owned(), vec!["F-2"]),
    ] {
        let list = office.get(&format!("/v1/conversions?{query}")).await;
        assert_eq!(column(&list, "order_ref"), expected, "{query}");
    }
    for (path, field) in [
        ("/v1/conversions?colour=red", "colour"),
        ("/v1/conversions?status=shiny", "status"),
        ("/v1/conversions?publisher_id=adv_1", "publisher_id"),
        ("/v1/conversions?limit=501", "limit"),
        ("/v1/inbound?outcome=fine", "outcome"),
        ("/v1/unmatched?open=perhaps", "open"),
        ("/v1/ledger/trial-balance?at=soon", "at"),
        ("/v1/stats/overview?from=2026-03-02&to=2026-03-01", "to"),
        ("/v1/stats/chart?granularity=minute", "granularity"),
        ("/v1/rewards/user", "user_id"),
    ] {
        assert_eq!(bad_fields(&office.api.get(path).await), [field], "{path}");
    }
}

/// What callers see who should see nothing of it: rows and objects of others.
async fn leaks(mutation: Mutation) -> Vec<String> {
    let mut office = Office::mutated(mutation).await;
    let own = office.sell(1, "S-1").await;
    let foreign = office.sell(2, "S-2").await;
    let told = office.get("/v1/inbound").await["data"][0].clone();
    let publisher = office.key(Role::Publisher).await;
    let advertiser = office.key(Role::Advertiser).await;
    let mut leaks = Vec::new();
    for (key, path) in [
        (&publisher, "/v1/conversions".to_owned()),
        (&publisher, format!("/v1/conversions?publisher_id={BOTA}&limit=1")),
        (&advertiser, "/v1/conversions".to_owned()),
        (&advertiser, "/v1/inbound".to_owned()),
        (&advertiser, format!("/v1/inbound?advertiser_id={SHOP}")),
    ] {
        let list = office.get_as(key, &path).await;
        let is_own = |row: &Value| *key == publisher && row["id"] == own["id"];
        let rows = list["data"].as_array().expect("rows");
        if !rows.iter().all(is_own) || list["next_cursor"] != Value::Null {
            leaks.push(path);
        }
    }
    for (key, path) in [
        (&publisher, format!("/v1/conversions/{}", text(&foreign["id"]))),
        (&advertiser, format!("/v1/conversions/{}", text(&foreign["id"]))),
        (&advertiser, format!("/v1/inbound/{}", text(&told["event_id"]))),
        (&publisher, format!("/v1/publishers/{BOTA}/balance")),
        (&publisher, format!("/v1/analytics/creator?publisher_id={BOTA}")),
    ] {
        if office.api.call(key, "GET", &path, None).await.status != 404 {
            leaks.push(path);
        }
    }
    let overview = office.get_as(&publisher, "/v1/stats/overview").await;
    if overview["conversions"] != 1 || overview["net"] != kzt("700.00") {
        leaks.push("/v1/stats/overview".to_owned());
    }
    leaks
}

#[tokio::test]
async fn nobody_sees_the_money_of_others() {
    assert_eq!(Box::pin(leaks(Mutation::None)).await, Vec::<String>::new());
    assert_eq!(
        Box::pin(leaks(Mutation::Unscoped)).await.len(),
        11,
        "the control must find every door open"
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let mut office = Office::open().await;
    for order_ref in ["P-1", "P-2", "P-3", "P-4"] {
        office.sell(1, order_ref).await;
        office.line.clock.advance(DAY);
    }
    let event = office.line.inbound(SHOP_POSTBACK, "").event_id;
    let claim = |claim_index| UnmatchedRow {
        event,
        claim_index,
        integration: SHOP_POSTBACK,
        advertiser: Some(SHOP),
        reason: "unknown_order".to_owned(),
        order: OrderKey {
            order_space: SHOP.to_string(),
            order_ref: format!("U-{claim_index}"),
            line: String::new(),
            action: "purchase".to_owned(),
        },
        claim: json!({"action": "purchase", "updated_at_us": 1_772_323_200_000_000_i64}),
        received_at: office.line.now(),
        expires_at: office.line.now() + DAY,
        resolved_at: None,
    };
    let claims = (0..5).map(claim).collect();
    let mut tx = office.line.store.begin(TENANT).await.expect("begins");
    tx.unmatched().insert(claims).await.expect("inserts");
    tx.save().await.expect("saves");
    for (path, name, expected) in [
        ("/v1/conversions", "order_ref", vec!["P-4", "P-3", "P-2", "P-1"]),
        ("/v1/inbound", "outcome", vec!["converted"; 4]),
        ("/v1/unmatched?open=true", "order_ref", vec!["U-0", "U-1", "U-2", "U-3", "U-4"]),
        ("/v1/ledger/transactions", "seq", vec!["4", "3", "2", "1"]),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let list = office.get(&format!("{path}{mark}limit=2{cursor}")).await;
            seen.extend(column(&list, name));
            let Some(next) = list["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, expected, "{path}");
    }
    let all = office.get("/v1/unmatched").await;
    assert_eq!(all["data"][0]["claim"]["updated_at"], "2026-03-01T00:00:00Z");
}

#[tokio::test]
async fn support_reads_states_and_no_amounts_or_raw_requests() {
    let mut office = Office::open().await;
    let row = office.sell(1, "M-1").await;
    let support = office.key(Role::Support).await;
    let event = office.get("/v1/inbound").await["data"][0]["event_id"].clone();
    for path in [
        "/v1/conversions".to_owned(),
        format!("/v1/conversions/{}", text(&row["id"])),
        format!("/v1/inbound/{}", text(&event)),
        format!("/v1/publishers/{AIGERIM}/balance"),
        "/v1/stats/overview".to_owned(),
        "/v1/ledger/transactions".to_owned(),
        "/v1/ledger/accounts".to_owned(),
        "/v1/ledger/trial-balance".to_owned(),
    ] {
        let shown = office.get_as(&support, &path).await.to_string();
        assert!(shown.contains("***"), "{path}: {shown}");
        for secret in ["10000", "1000.00", "700.00", "order_id=M-1"] {
            assert!(!shown.contains(secret), "{path} shows {secret}: {shown}");
        }
    }
    let list = office.get_as(&support, "/v1/conversions").await;
    assert_eq!(list["data"][0]["status"], "pending");
    assert_eq!(list["data"][0]["net"], kzt("***"));
}

#[tokio::test]
async fn a_replay_counts_nothing_twice() {
    let mut office = Office::open().await;
    let row = office.sell(1, "Y-1").await;
    let event = office.get("/v1/inbound").await["data"][0]["event_id"].clone();
    let path = format!("/v1/inbound/{}/replay", text(&event));
    let reply = office.act(&path, json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["conversion_id"], row["id"]);
    assert_eq!(office.balance().await["pending"], kzt("700.00"));
    let missing = office.line.inbound(OTHER_POSTBACK, "").event_id;
    let missing = office.act(&format!("/v1/inbound/{missing}/replay"), json!({})).await;
    assert_eq!(missing.status, 404);
}
