//! Later news about an order: approved, rejected, reversed, partial, and news that comes first.

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::sentences::money;
use serde_json::json;

#[test]
fn a_reversal_before_release_takes_the_postings_back() {
    let world = World::start();
    let shop = Shop::open(&world, "taken");
    shop.sell(&world, "R-1");
    world.conversion("R-1");
    let news = shop.tell(&world, "order_id=R-1&status=returned");
    assert_eq!(world.outcome(&news).0, "updated");
    assert_eq!(world.conversion("R-1")["status"], "reversed");
    let balance = world.balance(&shop.publisher);
    assert_eq!(money(&balance["pending"]), "0.00 KZT");
    assert_eq!(money(&balance["tax_pending"]), "0.00 KZT");
    world.audit_is_clean();
}

#[test]
fn a_pending_order_waits_for_the_advertiser_and_for_time() {
    let world = World::start();
    let shop = Shop::open(&world, "waits");
    let click_id = world.click(&shop.slug);
    let sale = format!("click_id={click_id}&order_id=P-1&amount=10000&currency=KZT");
    shop.tell(&world, &format!("{sale}&status=pending"));
    assert_eq!(world.conversion("P-1")["awaiting"], json!(["advertiser", "time"]));
    let news = shop.tell(&world, &format!("{sale}&status=approved"));
    assert_eq!(world.outcome(&news).0, "updated");
    assert_eq!(world.conversion("P-1")["awaiting"], json!(["time"]));
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "700.00 KZT");
}

#[test]
fn without_a_hold_an_approved_sale_is_available_at_once() {
    let world = World::start();
    let shop = Shop::open_with(&world, "at-once", &json!({"hold_days": 0}), &json!({}));
    shop.sell(&world, "H-1");
    eventually("the release", || {
        let conversion = world.conversion("H-1");
        (conversion["status"] == "approved").then_some(conversion)
    });
    let balance = world.balance(&shop.publisher);
    assert_eq!(money(&balance["available"]), "700.00 KZT");
    assert_eq!(money(&balance["pending"]), "0.00 KZT");
    assert_eq!(world.conversion("H-1")["awaiting"], json!([]));
    world.audit_is_clean();
}

#[test]
fn a_return_after_release_is_owed() {
    let world = World::start();
    let shop = Shop::open_with(&world, "owed", &json!({"hold_days": 0}), &json!({}));
    shop.sell(&world, "O-1");
    eventually("the release", || (world.conversion("O-1")["status"] == "approved").then_some(()));
    let news = shop.tell(&world, "order_id=O-1&status=returned");
    assert_eq!(world.outcome(&news).0, "updated");
    assert_eq!(world.conversion("O-1")["status"], "reversed");
    assert_eq!(money(&world.balance(&shop.publisher)["available"]), "0.00 KZT");
    world.audit_is_clean();
}

#[test]
fn a_partial_return_leaves_the_share_of_what_remains() {
    let world = World::start();
    let shop = Shop::open(&world, "partial");
    shop.sell(&world, "S-1");
    world.conversion("S-1");
    let news = shop.tell(&world, "order_id=S-1&status=partial&amount=4000&currency=KZT");
    assert_eq!(world.outcome(&news).0, "updated");
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "280.00 KZT");
    world.audit_is_clean();
}

#[test]
fn first_news_that_rejects_posts_nothing() {
    let world = World::start();
    let shop = Shop::open(&world, "refused");
    let click_id = world.click(&shop.slug);
    shop.tell(&world, &format!("click_id={click_id}&order_id=N-1&amount=100&status=rejected"));
    assert_eq!(world.conversion("N-1")["status"], "rejected");
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "0.00 KZT");
    world.audit_is_clean();
}
