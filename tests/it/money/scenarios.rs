//! The stories of the original documents, each through the public API with real clicks and real
//! postbacks, until statement, balance, trial balance, tax report and payout file agree to the last
//! minor unit.

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::sentences::id_of;
use harness::sentences::money;
use harness::sentences::rows;
use harness::sentences::text;
use serde_json::Value;
use serde_json::json;

/// Minor units of shown money.
fn minor(value: &Value) -> i64 {
    text(&value["amount"]).replace('.', "").parse().expect("minor units")
}

fn get(world: &World, target: &str) -> Value {
    world.api_get(target).expect_status(200).json()
}

/// The month that the world's own clock is in: that of its newest transaction.
fn month(world: &World) -> String {
    let newest = rows(&get(world, "/v1/ledger/transactions?limit=1"));
    text(&newest[0]["at"]).get(..7).expect("a month").to_owned()
}

/// Statement, balance, trial balance and tax report say the same.
fn agrees(world: &World, publisher: &str) {
    let balance = world.balance(publisher);
    let statement = get(world, &format!("/v1/publishers/{publisher}/statement"));
    for name in ["pending", "available", "owed", "tax_pending", "tax_withheld"] {
        let closing = &statement["closing"][name];
        assert_eq!(closing, &balance[name], "{name} of the statement");
        let lines = statement["lines"].as_array().expect("lines");
        let own = lines.iter().filter(|line| line["account"] == name);
        let moved: i64 = own.map(|line| minor(&line["amount"])).sum();
        assert_eq!(minor(&statement["opening"][name]) + moved, minor(closing), "{name}");
    }
    for row in rows(&get(world, "/v1/ledger/trial-balance")) {
        assert_eq!(minor(&row["difference"]), 0, "{row}");
    }
    let report = get(world, &format!("/v1/tax/report?period={}", month(world)));
    let own = rows(&report).into_iter().find(|row| row["publisher_id"] == publisher);
    let withheld = own.map_or(0, |row| minor(&row["tax"]));
    assert_eq!(withheld, minor(&balance["tax_withheld"]), "tax report");
    world.audit_is_clean();
    let (code, output) = world.run(&["replay", "--ledger"]);
    assert_eq!(code, Some(0), "{output}");
}

/// Pays everything that is available by bank file, and tells the results.
fn pay_out(world: &World) -> i64 {
    let made = world.api_post("/v1/payouts/run", &json!({})).expect_status(200).json();
    let run = text(&made["run_id"]);
    let file = world.api_get(&format!("/v1/payouts/runs/{run}/file")).expect_status(200);
    let file = String::from_utf8(file.body).expect("text");
    let (mut sum, mut results) = (0, Vec::new());
    for (line, row) in file.lines().skip(1).enumerate() {
        let cells: Vec<&str> = row.split(',').collect();
        sum += cells[3].replace('.', "").parse::<i64>().expect("an amount");
        results.push(json!({
            "payout_id": cells[0], "status": "paid", "reference": format!("BANK-{line}"),
            "amount": cells[3],
        }));
    }
    let target = format!("/v1/payouts/runs/{run}/results");
    let taken = world.api_post(&target, &json!({ "results": results })).expect_status(200).json();
    assert_eq!(taken["taken"], results.len());
    sum
}

fn released(world: &World, order_ref: &str) {
    eventually("the release", || {
        (world.conversion(order_ref)["status"] == "approved").then_some(())
    });
}

#[test]
fn a_thousand_leaves_seven_hundred_all_the_way_to_the_bank() {
    let world = World::start();
    let shop = Shop::open_with(&world, "seed0", &json!({"hold_days": 0}), &json!({}));
    shop.sell(&world, "Z-1");
    released(&world, "Z-1");
    let row = world.conversion("Z-1");
    let parts = ["charge", "fee", "tax", "net"].map(|name| money(&row[name]));
    assert_eq!(parts, ["1000.00 KZT", "200.00 KZT", "100.00 KZT", "700.00 KZT"]);
    agrees(&world, &shop.publisher);
    assert_eq!(pay_out(&world), 70_000);
    assert_eq!(money(&world.balance(&shop.publisher)["paid"]), "700.00 KZT");
    let owed = get(&world, &format!("/v1/advertisers/{}/statement", shop.advertiser));
    assert_eq!(money(&owed["closing"]["receivable"]), "1000.00 KZT");
    agrees(&world, &shop.publisher);
}

#[test]
fn a_hybrid_deal_pays_for_content_clicks_and_sales_and_a_part_of_it_today() {
    let world = World::start();
    let terms = json!({"terms": [
        {"action": "purchase", "type": "percent", "bp": 500},
        {"action": "click", "type": "fixed", "amount": "10.00"},
    ]});
    let shop = Shop::open_with(&world, "seed2", &terms, &json!({}));
    let creator = world.publisher("creator");
    let target = format!("/v1/campaigns/{}/enrolments", shop.campaign);
    world.create(&target, &json!({"publisher_id": creator, "fixed_fee": "10000.00"}));
    let content = world.create(
        "/v1/deliverables",
        &json!({"campaign_id": shop.campaign, "publisher_id": creator,
                "url": "https://video.example/story"}),
    );
    let approve = format!("/v1/deliverables/{}/approve", id_of(&content));
    let approved = world.api_post(&approve, &json!({})).expect_status(200).json();
    assert_eq!(approved["status"], "approved");
    let link = json!({"campaign_id": shop.campaign, "offer_id": shop.offer,
                      "publisher_id": creator, "slug": "story"});
    world.create("/v1/links", &link);
    let click = world.click("story");
    shop.tell(
        &world,
        &format!("click_id={click}&order_id=H-1&amount=20000.00&currency=KZT&status=approved"),
    );
    world.conversion("H-1");
    // The click itself earns 10.00, the sale a twentieth, the content its fee; a fifth of each is
    // the platform's and a tenth of each is the demonstration's tax.
    world.conversion(&click);
    let balance = world.balance(&creator);
    assert_eq!(money(&balance["pending"]), "7707.00 KZT");
    let advance = json!({"publisher_id": creator, "amount": "5000.00"});
    let advance = world.create("/v1/advances", &advance);
    assert_eq!(money(&advance["fee"]), "50.00 KZT");
    assert_eq!(money(&world.balance(&creator)["available"]), "4950.00 KZT");
    agrees(&world, &creator);
    assert_eq!(pay_out(&world), 495_000);
    // The sale comes back: what was advanced on more than is left is owed.
    shop.tell(&world, "order_id=H-1&status=returned");
    eventually("the return", || (world.conversion("H-1")["status"] == "reversed").then_some(()));
    assert_eq!(money(&world.balance(&creator)["pending"]), "7007.00 KZT");
    agrees(&world, &creator);
}
