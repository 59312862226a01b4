//! What becomes of an order when it is told again.

use std::time::Duration;

use model::conversion::ConversionStatus;

use super::world::AIGERIM;
use super::world::BOTA;
use super::world::DAY;
use super::world::REVIEWER;
use super::world::START;
use super::world::TENANT;
use super::world::World;
use super::world::end_of;
use crate::api::time::instant;

/// Tells news of order `a` one after the other and compares outcome and what is pending for its
/// publisher.
pub(super) async fn check(steps: &[(&str, &str, i64)]) -> Box<World> {
    let mut world = Box::new(World::new().await);
    let click = world.click(2);
    for (query, expected, pending) in steps {
        let query = query.replace("{2}", &click);
        let row = world.postback(&format!("order_id=a&{query}")).await;
        assert_eq!(end_of(&row), *expected, "{query}: {:?}", row.detail);
        assert_eq!(world.balance(BOTA).await.pending, *pending, "{query}");
    }
    world
}

#[tokio::test]
async fn the_same_content_again_is_a_duplicate() {
    check(&[
        ("click_id={2}&amount=100&status=approved", "converted", 800),
        ("click_id={2}&amount=100.00&status=approved", "duplicate", 800),
        ("amount=100", "duplicate", 800),
        ("status=approved", "duplicate", 800),
    ])
    .await;
}

#[tokio::test]
async fn absent_fields_stay() {
    let world = check(&[
        ("click_id={2}&amount=100&status=pending", "converted", 800),
        ("status=approved", "updated", 800),
        ("amount=50", "updated", 400),
    ])
    .await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.outside_status, model::claim::ClaimStatus::Approved);
    assert_eq!(conversion.revision, 3);
}

#[tokio::test]
async fn an_amount_may_grow_and_shrink() {
    check(&[
        ("click_id={2}&amount=100&status=approved", "converted", 800),
        ("amount=200", "updated", 1_600),
        ("amount=150", "updated", 1_200),
    ])
    .await;
}

#[tokio::test]
async fn updates_do_not_attribute_again() {
    let mut world = World::new().await;
    let (first, second) = (world.click(2), world.click(1));
    world.postback(&format!("order_id=a&click_id={first}&amount=100&status=pending")).await;
    let row =
        world.postback(&format!("order_id=a&click_id={second}&amount=100&status=approved")).await;
    assert_eq!(end_of(&row), "updated");
    assert_eq!(world.order("a").await.publisher, BOTA);
    assert_eq!(world.balance(AIGERIM).await.pending, 0);
}

#[tokio::test]
async fn a_rejection_mirrors_what_was_posted() {
    let world = check(&[
        ("click_id={2}&amount=100&status=pending", "converted", 800),
        ("status=rejected", "updated", 0),
    ])
    .await;
    assert_eq!(world.order("a").await.status, ConversionStatus::Rejected);
    assert_eq!(world.accounts().await, Vec::<String>::new());
    assert_eq!(world.count("reversals").await, 1);
}

#[tokio::test]
async fn what_was_approved_outside_is_reversed() {
    let world = check(&[
        ("click_id={2}&amount=100&status=approved", "converted", 800),
        ("status=rejected", "updated", 0),
    ])
    .await;
    assert_eq!(world.order("a").await.status, ConversionStatus::Reversed);
}

#[tokio::test]
async fn first_news_rejected_posts_nothing() {
    let world = check(&[("click_id={2}&amount=100&status=rejected", "rejected", 0)]).await;
    assert_eq!(world.order("a").await.status, ConversionStatus::Rejected);
    assert_eq!(world.count("transactions").await, 0);
}

#[tokio::test]
async fn a_dated_change_back_counts() {
    check(&[
        (
            "click_id={2}&amount=100&status=approved&updated_at=2026-02-01T00:00:01Z",
            "converted",
            800,
        ),
        ("status=returned&updated_at=2026-02-01T00:00:02Z", "updated", 0),
        ("status=approved&updated_at=2026-02-01T00:00:03Z", "updated", 800),
        ("status=returned&updated_at=2026-02-01T00:00:02Z", "ignored", 800),
    ])
    .await;
}

/// Tells news of order `a` through the event API, each as of so many seconds after the start, and
/// compares outcomes.
async fn check_events(steps: &[(&str, f64, &str)]) -> Box<World> {
    let mut world = Box::new(World::new().await);
    let click = world.click(2);
    world.clock.advance(DAY);
    for (status, second, expected) in steps {
        let at = START + Duration::from_secs_f64(*second);
        let body = serde_json::json!({
            "action": "purchase", "order_id": "a", "value": "100", "click_id": click,
            "status": status, "ts": instant(at),
        });
        let event = world.event(&body.to_string());
        let row = world.take(event).await;
        assert_eq!(end_of(&row), *expected, "{status} {second}: {:?}", row.detail);
    }
    world
}

#[tokio::test]
async fn the_time_of_an_event_orders_the_news_of_an_order() {
    let world = check_events(&[
        ("approved", 10.0, "converted"),
        ("returned", 5.0, "ignored"),
        ("returned", 20.0, "updated"),
        ("approved", 10.0, "ignored"),
        ("approved", 30.0, "updated"),
        ("returned", 20.0, "ignored"),
    ])
    .await;
    assert_eq!(world.balance(BOTA).await.pending, 800);
}

#[tokio::test]
async fn the_same_time_twice_does_not_tell_a_retry_from_a_change_back() {
    let world = check_events(&[
        ("approved", 10.0, "converted"),
        ("returned", 10.0, "updated"),
        ("approved", 10.0, "held changed_back"),
    ])
    .await;
    assert_eq!(world.balance(BOTA).await.pending, 0);
}

#[tokio::test]
async fn a_time_far_ahead_of_ours_is_no_time() {
    let day = DAY.as_secs_f64();
    let world = check_events(&[
        ("approved", day + 3_600.0, "converted"),
        ("returned", day + 3_600.0, "updated"),
        ("approved", day + 3_600.0, "held changed_back"),
        ("approved", day + 240.0, "updated"),
    ])
    .await;
    // What is believed is never later than we heard of it.
    assert!(world.order("a").await.revised_at <= world.now());
    check_events(&[("approved", day + 3_600.0, "converted"), ("returned", 60.0, "ignored")]).await;
}

#[tokio::test]
async fn a_time_without_a_fraction_is_not_older_than_the_second_it_names() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.clock.advance(Duration::from_millis(400));
    world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    let body = |ts: &str| {
        let (order, status) = ("a", "returned");
        serde_json::json!({"action": "purchase", "order_id": order, "status": status, "ts": ts})
    };
    let told = |second: &str| body(&format!("2026-03-01T00:00:{second}Z")).to_string();
    for (second, expected) in [("00.300", "ignored"), ("00", "updated")] {
        let event = world.event(&told(second));
        assert_eq!(end_of(&world.take(event).await), expected, "{second}");
    }
}

#[tokio::test]
async fn an_unmapped_status_is_kept_pending() {
    let world =
        check(&[("click_id={2}&amount=100&status=whatever", "converted status_unmapped", 800)])
            .await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.awaiting(world.now())[0].as_str(), "advertiser");
    let mut world = world;
    world.clock.advance(30 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let row = world.postback("order_id=a&status=oplacheno").await;
    assert_eq!(end_of(&row), "updated");
    assert!(world.order("a").await.release_at.is_some());
}

#[tokio::test]
async fn news_before_the_order_waits_for_it() {
    let world = check(&[
        ("status=approved", "unmatched unknown_order", 0),
        ("click_id={2}&amount=100&status=pending", "converted", 800),
    ])
    .await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.outside_status, model::claim::ClaimStatus::Approved);
    let rows = world.store.peek("SELECT outcome FROM inbound ORDER BY seq").await.expect("rows");
    assert_eq!(rows[0].text("outcome").expect("a word"), "updated");
    let open = world.store.peek("SELECT * FROM unmatched WHERE resolved_at IS NULL").await;
    assert!(open.expect("rows").is_empty());
}

#[tokio::test]
async fn a_parked_negative_with_a_time_takes_the_order_back() {
    let world = check(&[
        ("status=returned&updated_at=2026-02-01T00:00:02Z", "unmatched unknown_order", 0),
        ("click_id={2}&amount=100&status=approved&updated_at=2026-02-01T00:00:01Z", "converted", 0),
    ])
    .await;
    assert_eq!(world.order("a").await.status, ConversionStatus::Reversed);
}

#[tokio::test]
async fn a_parked_negative_without_a_time_holds_the_order() {
    let world = check(&[
        ("status=returned", "unmatched unknown_order", 0),
        ("click_id={2}&amount=100&status=approved", "held", 800),
    ])
    .await;
    world.clock.advance(30 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let held = world.order("a").await;
    assert_eq!(held.held_by.as_deref(), Some("parked_news"));
    let desk = world.settle.desk();
    let rejected = desk.reject(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(rejected.status, ConversionStatus::Rejected);
    assert_eq!(world.accounts().await, Vec::<String>::new());
    assert!(desk.reject(TENANT, held.id, REVIEWER).await.is_err());
}

#[tokio::test]
async fn parked_news_is_forgotten_after_ninety_days() {
    let mut world = World::new().await;
    world.postback("order_id=a&status=approved").await;
    world.clock.advance(91 * DAY);
    let click = world.click(2);
    let row =
        world.postback(&format!("order_id=a&click_id={click}&amount=100&status=pending")).await;
    assert_eq!(end_of(&row), "converted");
    assert_eq!(world.order("a").await.approved_at, None);
}

#[tokio::test]
async fn two_news_of_one_order_in_one_batch_count_in_order() {
    let mut world = World::new().await;
    let click = world.click(2);
    for query in [
        format!("order_id=a&click_id={click}&amount=100&status=pending"),
        "order_id=a&status=approved&amount=50".to_owned(),
        "order_id=a&status=approved".to_owned(),
    ] {
        let inbound = world.inbound(super::world::SHOP_POSTBACK, &query);
        world.source.push_inbound(&inbound);
    }
    let tallies = world.run().await.expect("a batch");
    let outcomes: Vec<&str> =
        tallies.iter().flat_map(|tally| &tally.outcomes).map(|outcome| outcome.as_str()).collect();
    assert_eq!(outcomes, ["converted", "updated", "duplicate"]);
    assert_eq!(world.balance(BOTA).await.pending, 400);
    assert_eq!(world.order("a").await.revision, 2);
}

#[tokio::test]
async fn conversions_of_one_batch_are_listed_in_the_order_they_were_told() {
    let mut world = World::new().await;
    let click = world.click(2);
    for order in 0..40 {
        let query = format!("order_id=o{order}&click_id={click}&amount=100");
        let inbound = world.inbound(super::world::SHOP_POSTBACK, &query);
        world.source.push_inbound(&inbound);
    }
    assert_eq!(world.run().await.expect("a batch").len(), 1);
    let listed: Vec<String> =
        world.conversions().await.into_iter().map(|row| row.order.order_ref).collect();
    let newest_first: Vec<String> = (0..40).rev().map(|order| format!("o{order}")).collect();
    assert_eq!(listed, newest_first);
}

#[tokio::test]
async fn another_currency_is_no_news_of_the_same_order() {
    check(&[
        ("click_id={2}&amount=100&currency=KZT", "converted", 800),
        ("amount=100&currency=USD", "malformed bad_amount", 800),
    ])
    .await;
}

#[tokio::test]
async fn an_amount_that_comes_later_earns_then() {
    check(&[("click_id={2}&status=approved", "converted", 0), ("amount=100", "updated", 800)])
        .await;
}
