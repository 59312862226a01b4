//! One order pays once, however often, in whatever order and by whatever door it is told.

use harness::Shop;
use harness::World;
use harness::sentences::id_of;
use harness::sentences::money;
use harness::sentences::path_of;
use harness::sentences::text;
use serde_json::json;

#[test]
fn an_order_told_by_three_doors_pays_once() {
    let mut world = World::start();
    let shop = Shop::open(&world, "doors");
    let key = shop.key(&world);
    let second = world.create(
        "/v1/integrations",
        &json!({"advertiser_id": shop.advertiser, "name": "second door", "adapter": "generic",
                "auth": {"token": true}}),
    );
    let second = path_of(&text(&second["postback_url"]));
    let click_id = world.click(&shop.slug);
    let sale = format!("click_id={click_id}&order_id=D-1&amount=10000&currency=KZT&status=paid");

    let first = shop.tell(&world, &sale);
    assert_eq!(world.outcome(&first).0, "converted");

    let event = json!({"action": "purchase", "value": "10000.00", "currency": "KZT",
                       "order_id": "D-1", "click_id": click_id});
    let by_event = || text(&world.event(&key, &event).expect_status(200).json()["event_id"]);
    let by_second =
        || text(&world.get(&format!("{second}&{sale}")).expect_status(200).json()["event_id"]);
    let repeats = [shop.tell(&world, &sale), by_event(), by_second(), by_event(), by_second()];
    for event_id in &repeats {
        let (outcome, reason) = world.outcome(event_id);
        assert_eq!(outcome, "duplicate", "reason {reason:?}");
    }
    pays_once(&world, &shop);

    world.kill9();
    world.restart();
    let again = shop.tell(&world, &sale);
    assert_eq!(world.outcome(&again).0, "duplicate");
    pays_once(&world, &shop);
    world.audit_is_clean();
}

fn pays_once(world: &World, shop: &Shop) {
    assert_eq!(world.conversions("D-1").len(), 1);
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "700.00 KZT");
}

#[test]
fn the_same_order_number_at_two_advertisers_is_two_orders() {
    let world = World::start();
    let left = Shop::open(&world, "left");
    let right = Shop::open(&world, "right");
    let events = [left.sell(&world, "77"), right.sell(&world, "77")];
    for event_id in &events {
        assert_eq!(world.outcome(event_id).0, "converted");
    }
    assert_eq!(world.conversions("77").len(), 2);
    for shop in [&left, &right] {
        assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "700.00 KZT");
    }
    world.audit_is_clean();
}

#[test]
fn two_orders_in_one_post_batch_are_all_or_nothing() {
    let world = World::start();
    let shop = Shop::open(&world, "batch");
    let key = shop.key(&world);
    let click_id = world.click(&shop.slug);
    let order = |order_ref: &str| {
        json!({"action": "purchase", "value": "100.00", "currency": "KZT",
               "order_id": order_ref, "click_id": click_id})
    };
    let bad = json!({"events": [order("E-1"), {"action": "no such action"}]});
    let answer = world.event(&key, &bad);
    assert_eq!(answer.status, 422, "{}", answer.text());
    let good = json!({"events": [order("E-1"), order("E-2")]});
    let answer = world.event(&key, &good).expect_status(200).json();
    let ids = answer["event_ids"].as_array().cloned().unwrap_or_default();
    assert_eq!(ids.len(), 2, "{answer}");
    for event_id in &ids {
        assert_eq!(world.outcome(&text(event_id)).0, "converted");
    }
    let found = [world.conversion("E-1"), world.conversion("E-2")];
    assert_ne!(id_of(&found[0]), id_of(&found[1]));
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "14.00 KZT");
}
