//! From available money to the bank and back, and what the back office shows of it: through the
//! API, over rows that the pipeline itself has made.

use model::catalog::Role;
use model::id::PublisherId;
use serde_json::Value;
use serde_json::json;

use crate::api::tests::bad_fields;
use crate::api::tests::office::Office;
use crate::api::tests::office::SHOP;
use crate::api::tests::office::column;
use crate::api::tests::office::kzt;
use crate::api::tests::text;
use crate::pipeline::tests::world::AIGERIM;
use crate::pipeline::tests::world::BOTA;
use crate::pipeline::tests::world::DAY;

impl Office {
    /// Sales of 10000.00 each whose hold is over.
    async fn earn(&mut self, orders: &[&str]) {
        for order in orders {
            self.sell(1, order).await;
        }
        self.line.clock.advance(15 * DAY);
        self.line.settle.release_due().await.expect("a run");
    }

    async fn done(&self, path: &str, body: Value) -> Value {
        let reply = self.act(path, body).await;
        assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.body);
        reply.body
    }

    async fn refused(&self, path: &str, body: Value, status: u16) {
        let reply = self.act(path, body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
    }

    async fn trial_is_even(&self) {
        let trial = self.get("/v1/ledger/trial-balance").await;
        for row in trial["data"].as_array().expect("rows") {
            assert_eq!(row["difference"]["amount"], "0.00", "{row}");
        }
    }
}

#[tokio::test]
async fn available_money_is_paid_by_a_bank_file_and_its_results() {
    let mut office = Office::open().await;
    office.earn(&["P-1"]).await;
    let dry = office.done("/v1/payouts/run", json!({"dry_run": true})).await;
    assert_eq!((&dry["paid_count"], &dry["run_id"]), (&json!(0), &Value::Null));
    assert_eq!(dry["payouts"][0]["amount"], kzt("700.00"));
    let made = office.done("/v1/payouts/run", json!({})).await;
    assert_eq!(made["paid_count"], 1);
    let run = text(&made["run_id"]).to_owned();
    let balance = office.balance().await;
    assert_eq!((&balance["available"], &balance["in_payout"]), (&kzt("0.00"), &kzt("700.00")));
    assert_eq!(office.done("/v1/rewards/payout/run", json!({})).await["paid_count"], 0);

    let admin = office.api.admin.clone();
    let file = office.api.call(&admin, "GET", &format!("/v1/payouts/runs/{run}/file"), None).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.headers["content-type"], "text/csv");
    let payout = text(&made["payouts"][0]["id"]).to_owned();
    let results = format!("/v1/payouts/runs/{run}/results");
    office.refused(&results, json!({"csv": "payout_id,status\nx,paid\n"}), 422).await;
    let unreferenced = json!({"results": [{"payout_id": payout, "status": "paid"}]});
    office.refused(&results, unreferenced, 422).await;
    let csv = format!("payout_id,status,reference,amount\n{payout},paid,BANK-1,700.00\n");
    for _ in 0..2 {
        let taken = office.done(&results, json!({"csv": csv})).await;
        assert_eq!(taken["payouts"][0]["state"], "paid");
    }
    let balance = office.balance().await;
    assert_eq!((&balance["in_payout"], &balance["paid"]), (&kzt("0.00"), &kzt("700.00")));
    let list = office.get(&format!("/v1/payouts?publisher_id={AIGERIM}&state=paid")).await;
    assert_eq!(column(&list, "reference"), ["BANK-1"]);
    let run = office.get(&format!("/v1/payouts/runs/{run}")).await;
    assert_eq!((&run["state"], &run["paid_count"]), (&json!("approved"), &json!(1)));
    let resolve = format!("/v1/payouts/{payout}/resolve");
    let body = json!({"status": "declined", "evidence": "a letter"});
    office.refused(&resolve, body, 409).await;
    office.trial_is_even().await;
}

#[tokio::test]
async fn only_finance_and_the_clock_make_payouts_and_everybody_sees_their_own() {
    let mut office = Office::open().await;
    office.earn(&["P-1"]).await;
    let publisher = office.key(Role::Publisher).await;
    let cron = office.key(Role::Cron).await;
    let refused = office.api.call(&publisher, "POST", "/v1/payouts/run", Some(json!({}))).await;
    assert_eq!(refused.status, 403);
    let made = office.api.call(&cron, "POST", "/v1/rewards/payout/run", Some(json!({}))).await;
    assert_eq!((made.status.as_u16(), &made.body["paid_count"]), (200, &json!(1)), "{}", made.body);
    let own = office.get_as(&publisher, "/v1/payouts").await;
    assert_eq!(column(&own, "publisher_id"), [AIGERIM.to_string()]);
    let other = PublisherId(52).to_string();
    let path = format!("/v1/publishers/{other}/statement");
    assert_eq!(office.api.call(&publisher, "GET", &path, None).await.status, 404);
}

#[tokio::test]
async fn a_correction_needs_two_people_and_settles_debt_first() {
    let mut office = Office::open().await;
    office.earn(&["C-1"]).await;
    let body = json!({
        "publisher_id": AIGERIM.to_string(), "amount": "1000.00", "direction": "debit",
        "reason": "paid twice last year",
    });
    let made = office.done("/v1/adjustments", body.clone()).await;
    assert_eq!((&made["status"], &made["amount"]), (&json!("proposed"), &kzt("1000.00")));
    assert_eq!(office.balance().await["available"], kzt("700.00"));
    let approve = format!("/v1/adjustments/{}/approve", text(&made["id"]));
    office.refused(&approve, json!({}), 409).await;
    let finance = office.key(Role::Finance).await;
    let agreed = office.api.call(&finance, "POST", &approve, Some(json!({}))).await;
    assert_eq!((agreed.status.as_u16(), &agreed.body["status"]), (200, &json!("approved")));
    let balance = office.balance().await;
    assert_eq!((&balance["available"], &balance["owed"]), (&kzt("0.00"), &kzt("300.00")));
    let again = office.api.call(&finance, "POST", &approve, Some(json!({}))).await;
    assert_eq!(again.status, 409);
    // A credit settles the debt, the rest is available.
    let mut credit = body;
    credit["direction"] = json!("credit");
    let made = office.done("/v1/adjustments", credit).await;
    let approve = format!("/v1/adjustments/{}/approve", text(&made["id"]));
    office.api.call(&finance, "POST", &approve, Some(json!({}))).await;
    let balance = office.balance().await;
    assert_eq!((&balance["available"], &balance["owed"]), (&kzt("700.00"), &kzt("0.00")));
    let bad = json!({"publisher_id": AIGERIM.to_string(), "amount": "-1", "reason": "r"});
    let reply = office.act("/v1/adjustments", bad).await;
    assert_eq!(bad_fields(&reply), ["amount"]);
    office.trial_is_even().await;
}

#[tokio::test]
async fn statement_tax_report_and_balance_agree_to_the_last_minor_unit() {
    let mut office = Office::open().await;
    office.earn(&["S-1", "S-2"]).await;
    office.line.postback("order_id=S-2&status=partial&amount=5000.00").await;
    office.done("/v1/payouts/run", json!({})).await;
    let path = format!("/v1/publishers/{AIGERIM}/statement?month=2026-03");
    let statement = office.get(&path).await;
    let balance = office.balance().await;
    let closing = &statement["closing"];
    for name in ["pending", "available", "owed", "tax_pending", "tax_withheld"] {
        assert_eq!(closing[name], balance[name], "{name}");
    }
    assert_eq!(statement["opening"]["available"], kzt("0.00"));
    assert_eq!(balance["in_payout"], kzt("1050.00"));
    assert!(statement["chain"]["hash"].is_string());
    let lines = statement["lines"].as_array().expect("lines");
    assert!(
        lines
            .iter()
            .any(|line| line["what"] == "payout_reserve" && line["amount"] == kzt("-1050.00"))
    );
    // Every account's lines lead from its opening to its closing.
    for name in ["pending", "available", "owed", "tax_pending", "tax_withheld"] {
        let of = |money: &Value| -> i64 {
            text(&money["amount"]).replace('.', "").parse().expect("minor units")
        };
        let own = lines.iter().filter(|line| line["account"] == name);
        let moved: i64 = own.map(|line| of(&line["amount"])).sum();
        assert_eq!(of(&statement["opening"][name]) + moved, of(&closing[name]), "{name}");
    }
    let later = office.get(&path.replace("2026-03", "2026-04")).await;
    assert_eq!(later["opening"], *closing);
    assert_eq!(later["lines"], json!([]));

    let report = office.get("/v1/tax/report?period=2026-Q1").await;
    let row = &report["data"][0];
    assert_eq!(row["publisher_id"], AIGERIM.to_string());
    assert_eq!(row["tax"], balance["tax_withheld"]);
    assert_eq!((&row["income"], &row["net"]), (&kzt("1200.00"), &kzt("1050.00")));
    assert_eq!(report["totals"][0]["amount"], kzt("150.00"));
    assert!(text(&report["note"]).contains("accountant"));
    let path = format!("/v1/advertisers/{SHOP}/statement?month=2026-03");
    assert_eq!(office.get(&path).await["closing"]["receivable"], kzt("1500.00"));
    assert_eq!(office.act("/v1/tax/report?period=soon", json!({})).await.status, 405);
}

#[tokio::test]
async fn an_advertisers_payment_is_booked_once() {
    let mut office = Office::open().await;
    office.earn(&["A-1"]).await;
    let path = format!("/v1/advertisers/{SHOP}/payments");
    let body = json!({"amount": "600.00", "reference": "MT-1"});
    let made = office.done(&path, body.clone()).await;
    assert!(text(&made["payment_id"]).starts_with("pmt_"));
    office.refused(&path, body, 409).await;
    let statement = office.get(&format!("/v1/advertisers/{SHOP}/statement")).await;
    assert_eq!(statement["closing"]["receivable"], kzt("400.00"));
    assert_eq!(column(&office.get(&path).await, "reference"), ["MT-1"]);
    let invoices = format!("/v1/invoices?advertiser_id={SHOP}");
    assert_eq!(office.get(&invoices).await["data"][0]["status"], "draft");
    office.line.clock.advance(20 * DAY);
    let shown = office.get(&invoices).await["data"][0].clone();
    assert_eq!((&shown["month"], &shown["status"]), (&json!("2026-03"), &json!("open")));
    assert_eq!((&shown["paid"], &shown["open"]), (&kzt("600.00"), &kzt("400.00")));
    office.line.clock.advance(40 * DAY);
    assert_eq!(office.get(&invoices).await["data"][0]["status"], "overdue");
    office.done(&path, json!({"amount": "400.00", "reference": "MT-2"})).await;
    assert_eq!(office.get(&invoices).await["data"][0]["status"], "paid");
    office.trial_is_even().await;
}

#[tokio::test]
async fn an_advance_is_paid_now_and_repaid_by_the_release() {
    let mut office = Office::open().await;
    office.sell(1, "F-1").await;
    let publisher = office.key(Role::Publisher).await;
    let body = json!({"amount": "700.01"});
    let reply = office.api.call(&publisher, "POST", "/v1/advances", Some(body)).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    let reply = office.api.call(&publisher, "POST", "/v1/advances", Some(json!({}))).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!((&reply.body["amount"], &reply.body["fee"]), (&kzt("700.00"), &kzt("7.00")));
    let balance = office.balance().await;
    assert_eq!((&balance["available"], &balance["pending"]), (&kzt("693.00"), &kzt("700.00")));
    office.line.clock.advance(15 * DAY);
    office.line.settle.release_due().await.expect("a run");
    let balance = office.balance().await;
    assert_eq!((&balance["available"], &balance["pending"]), (&kzt("693.00"), &kzt("0.00")));
    office.line.postback("order_id=F-1&status=returned").await;
    assert_eq!(office.balance().await["owed"], kzt("7.00"));
    office.trial_is_even().await;
}

/// What was advanced on a conversion counts until it is repaid, also while the conversion is held
/// and could not be advanced itself.
#[tokio::test]
async fn the_limit_of_a_publisher_counts_what_stands_on_held_conversions() {
    let mut office = Office::open().await;
    office.sell(1, "F-1").await;
    office.sell(1, "F-2").await;
    let held = "UPDATE conversions SET advanced_minor = 50000000, held_by = 'rule:velocity' \
                WHERE order_ref = 'F-1'";
    office.line.store.tamper(&[held]).await.expect("a row");
    let publisher = office.key(Role::Publisher).await;
    let reply = office.api.call(&publisher, "POST", "/v1/advances", Some(json!({}))).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
}

#[tokio::test]
async fn a_locked_month_takes_no_news() {
    let mut office = Office::open().await;
    office.earn(&["L-1"]).await;
    office.refused("/v1/periods/2026-03/lock", json!({}), 422).await;
    office.refused("/v1/periods/soon/lock", json!({}), 404).await;
    office.line.clock.advance(30 * DAY);
    let locked = office.done("/v1/periods/2026-03/lock", json!({})).await;
    assert_eq!((&locked["month"], &locked["status"]), (&json!("2026-03"), &json!("locked")));
    let ended = office.line.postback("order_id=L-1&status=returned").await;
    assert_eq!(ended.outcome.as_str(), "held");
    assert_eq!(office.balance().await["available"], kzt("700.00"));
    let cases = office.get("/v1/cases").await;
    assert_eq!(column(&cases, "kind"), ["locked_period"]);
    let close = format!("/v1/cases/{}/close", text(&cases["data"][0]["id"]));
    office.done(&close, json!({"reason": "corrected by hand"})).await;
    assert_eq!(office.get("/v1/cases").await["data"], json!([]));
}

#[tokio::test]
async fn content_is_paid_once_when_somebody_approves_it() {
    let office = Office::open().await;
    let campaign = model::id::CampaignId(41).to_string();
    let numbers = "INSERT INTO counters (name, value) VALUES ('link_number', 100)";
    office.line.store.tamper(&[numbers]).await.expect("a row");
    let enrolled = json!({"publisher_id": BOTA.to_string(), "fixed_fee": "5000.00"});
    office.done(&format!("/v1/campaigns/{campaign}/enrolments"), enrolled).await;
    let body = json!({
        "campaign_id": campaign, "publisher_id": BOTA.to_string(),
        "url": "https://video.example/1",
    });
    let made = office.done("/v1/deliverables", body.clone()).await;
    let approve = format!("/v1/deliverables/{}/approve", text(&made["id"]));
    let approved = office.done(&approve, json!({})).await;
    assert_eq!(approved["status"], "approved");
    office.refused(&approve, json!({}), 409).await;
    let row = office.get(&format!("/v1/conversions/{}", text(&approved["conversion_id"]))).await;
    assert_eq!((&row["action"], &row["charge"]), (&json!("deliverable"), &kzt("5000.00")));
    let second = office.done("/v1/deliverables", body).await;
    let reject = format!("/v1/deliverables/{}/reject", text(&second["id"]));
    let rejected = office.done(&reject, json!({"reason": "not ours"})).await;
    assert_eq!(
        (&rejected["status"], &rejected["conversion_id"]),
        (&json!("rejected"), &Value::Null)
    );
    let balance = office.get(&format!("/v1/publishers/{BOTA}/balance")).await;
    assert_eq!(balance["pending"], kzt("4000.00"));
}

#[tokio::test]
async fn rates_of_exchange_are_data_by_day() {
    let office = Office::open().await;
    let admin = office.api.admin.clone();
    let rates = json!({"rates": [
        {"on": "2026-03-01", "base": "USD", "quote": "KZT", "rate": "510.25"},
        {"on": "2026-03-02", "base": "USD", "quote": "KZT", "rate": 511.5},
    ]});
    let reply = office.api.call(&admin, "PUT", "/v1/fx-rates", Some(rates)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let list = office.get("/v1/fx-rates").await;
    assert_eq!(column(&list, "rate"), ["511.5", "510.25"]);
    let bad = json!({"rates": [{"on": "soon", "base": "USD", "quote": "USD", "rate": "1e3"}]});
    let reply = office.api.call(&admin, "PUT", "/v1/fx-rates", Some(bad)).await;
    let fields = bad_fields(&reply);
    assert_eq!(fields, ["rates[0].on", "rates[0].quote", "rates[0].rate"]);
}
