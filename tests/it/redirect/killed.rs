//! A killed link stops everywhere within five seconds.

use std::time::Duration;

use harness::Shop;
use harness::World;
use harness::time::within;
use serde_json::json;

const KILLED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_killed_link_answers_410_within_five_seconds() {
    let world = World::start();
    let shop = Shop::open(&world, "killed");
    world.click(&shop.slug);
    world.api_post(&format!("/v1/links/{}/kill", shop.link), &json!({})).expect_status(200).json();
    within(KILLED_WITHIN, "the link is gone", || {
        (world.visit("/killed").status == 410).then_some(())
    });
}

#[test]
fn a_killed_link_stays_killed_over_a_restart() {
    let mut world = World::start();
    let shop = Shop::open(&world, "forever");
    world.click(&shop.slug);
    world.api_post(&format!("/v1/links/{}/kill", shop.link), &json!({})).expect_status(200).json();
    within(KILLED_WITHIN, "the link is gone", || {
        (world.visit("/forever").status == 410).then_some(())
    });
    world.kill9();
    world.restart();
    assert_eq!(world.visit("/forever").status, 410);
}

#[test]
fn a_new_link_is_known_within_a_second() {
    let world = World::start();
    let shop = Shop::open(&world, "quick");
    let made = world.create(
        "/v1/links",
        &json!({"campaign_id": shop.campaign, "offer_id": shop.offer,
                "publisher_id": shop.publisher, "slug": "quicker"}),
    );
    assert_eq!(made["slug"], "quicker");
    within(Duration::from_secs(1), "the link redirects", || {
        (world.visit("/quicker").status == 302).then_some(())
    });
}
