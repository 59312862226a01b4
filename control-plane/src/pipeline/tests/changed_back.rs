//! News that changes an order back without saying when: a person decides.

use model::click_id::ClickFlags;
use model::conversion::ConversionStatus;
use store::conversions::CHANGED_BACK;

use super::news::check;
use super::world::BOTA;
use super::world::DAY;
use super::world::REVIEWER;
use super::world::TENANT;
use super::world::World;
use super::world::end_of;
use crate::api::time::instant;
use crate::pipeline::post::news::Effect;
use crate::pipeline::post::news::Told;
use crate::pipeline::post::news::weigh;

#[tokio::test]
async fn a_change_back_without_a_time_is_held_for_a_person() {
    let world = check(&[
        ("click_id={2}&amount=100&status=approved", "converted", 800),
        ("status=returned", "updated", 0),
        ("status=approved", "held changed_back", 0),
        ("status=approved", "held changed_back", 0),
    ])
    .await;
    let held = world.order("a").await;
    assert_eq!(held.status, ConversionStatus::Reversed);
    assert_eq!(held.held_by.as_deref(), Some(CHANGED_BACK));
    let mut tx = world.store.read(TENANT).await.expect("a read");
    assert_eq!(tx.conversions().held_open().await.expect("a count"), 1);
}

/// An order of 100 that was returned and then told as approved again, twice, without a time.
async fn changed_back() -> Box<World> {
    check(&[
        ("click_id={2}&amount=100&status=approved", "converted", 800),
        ("status=returned", "updated", 0),
        ("status=approved", "held changed_back", 0),
        ("status=approved", "held changed_back", 0),
    ])
    .await
}

/// Outcome and reason of every inbound, in order.
async fn ends(world: &World) -> Vec<String> {
    let rows = world.store.peek("SELECT event_id FROM inbound ORDER BY seq").await.expect("rows");
    let mut ends = Vec::new();
    for row in rows {
        ends.push(end_of(&world.ended(row.id("event_id").expect("an id")).await));
    }
    ends
}

#[tokio::test]
async fn a_person_lets_a_change_back_count_once() {
    let mut world = changed_back().await;
    let (held, desk) = (world.order("a").await, world.settle.desk());
    let applied = desk.approve(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(applied.status, ConversionStatus::Pending);
    assert_eq!((applied.revision, applied.held_by), (3, None));
    assert_eq!(applied.reason.as_deref(), Some("looked at it"));
    assert_eq!(world.balance(BOTA).await.pending, 800);
    assert_eq!(
        ends(&world).await,
        ["converted", "updated", "ignored changed_back", "updated"],
        "the latest counts, what was before it is older"
    );
    assert_eq!(world.count("business_keys").await, 3);
    assert!(desk.approve(TENANT, held.id, REVIEWER).await.is_err());
    assert!(desk.reject(TENANT, held.id, REVIEWER).await.is_err());
    let row = world.postback("order_id=a&status=approved").await;
    assert_eq!(end_of(&row), "duplicate");
    assert_eq!(world.balance(BOTA).await.pending, 800);
}

#[tokio::test]
async fn a_person_keeps_what_was_known_before_a_change_back() {
    let mut world = changed_back().await;
    let (held, desk) = (world.order("a").await, world.settle.desk());
    let kept = desk.reject(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(kept.status, ConversionStatus::Reversed);
    assert_eq!((kept.revision, kept.held_by), (2, None));
    assert_eq!(world.accounts().await, Vec::<String>::new());
    assert_eq!(
        ends(&world).await,
        ["converted", "updated", "ignored changed_back", "ignored changed_back"]
    );
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let news = tx.conversions().revisions(&[held.id]).await.expect("rows");
    tx.cancel().await.expect("ends");
    let declined: Vec<_> = news.iter().filter_map(|news| news.decision.as_ref()).collect();
    assert_eq!(declined.len(), 2);
    assert_eq!(declined[0].by, "a person");
    assert!(desk.reject(TENANT, held.id, REVIEWER).await.is_err());
    // The next retry of it asks again.
    assert_eq!(end_of(&world.postback("order_id=a&status=approved").await), "held changed_back");
}

#[tokio::test]
async fn nothing_is_released_while_a_change_back_waits() {
    let world = check(&[
        ("click_id={2}&amount=100&status=pending", "converted", 800),
        ("status=approved", "updated", 800),
        ("status=pending", "held changed_back", 800),
    ])
    .await;
    world.clock.advance(30 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let held = world.order("a").await;
    let words: Vec<_> = held.awaiting(world.now()).iter().map(|word| word.as_str()).collect();
    assert_eq!(words, ["verdict"]);
    let kept = world.settle.desk().reject(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(kept.status, ConversionStatus::Approved);
    assert_eq!(world.balance(BOTA).await.available, 800);
}

#[tokio::test]
async fn a_released_conversion_taken_back_in_review_ends_reversed() {
    let world = check(&[
        ("click_id={2}&amount=100&status=rejected", "rejected", 0),
        ("status=approved", "updated", 800),
    ])
    .await;
    let mut world = world;
    world.clock.advance(30 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 1);
    assert_eq!(end_of(&world.postback("order_id=a&status=rejected").await), "held changed_back");
    let released = world.order("a").await;
    assert_eq!(released.status, ConversionStatus::Approved);
    let desk = world.settle.desk();
    let taken = desk.approve(TENANT, released.id, REVIEWER).await.expect("open");
    assert_eq!(taken.status, ConversionStatus::Reversed);
    assert_eq!(world.balance(BOTA).await.available, 0);
    assert_eq!(world.count("reversals").await, 1);
}

#[tokio::test]
async fn later_news_with_a_time_answers_a_change_back_without_a_person() {
    let mut world = changed_back().await;
    world.clock.advance(DAY);
    let now = instant(world.now());
    let query = format!("order_id=a&status=returned&updated_at={}", now.as_str().expect("text"));
    assert_eq!(end_of(&world.postback(&query).await), "duplicate");
    assert_eq!(world.order("a").await.held_by, None);
    assert_eq!(
        ends(&world).await[2..],
        ["ignored changed_back", "ignored changed_back", "duplicate"]
    );
    assert_eq!(world.balance(BOTA).await.pending, 0);
}

#[tokio::test]
async fn a_hold_is_answered_before_a_change_back() {
    let mut world = World::new().await;
    let click = world.click_with(2, ClickFlags { filtered: true, ..ClickFlags::PLAIN });
    world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    world.postback("order_id=a&amount=50").await;
    assert_eq!(end_of(&world.postback("order_id=a&amount=100").await), "held changed_back");
    let (held, desk) = (world.order("a").await, world.settle.desk());
    assert_eq!(held.held_by.as_deref(), Some("filtered_click"));
    let first = desk.approve(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(first.held_by.as_deref(), Some(CHANGED_BACK));
    assert_eq!(world.balance(BOTA).await.pending, 400);
    let second = desk.approve(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(second.held_by, None);
    assert_eq!(world.balance(BOTA).await.pending, 800);
}

#[tokio::test]
async fn a_hold_comes_back_when_an_order_that_was_taken_back_counts_again() {
    let mut world = World::new().await;
    let click = world.click_with(2, ClickFlags { filtered: true, ..ClickFlags::PLAIN });
    world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    world.postback("order_id=a&status=returned").await;
    assert_eq!(end_of(&world.postback("order_id=a&status=approved").await), "held changed_back");
    let (held, desk) = (world.order("a").await, world.settle.desk());
    assert_eq!(held.held_by.as_deref(), Some(CHANGED_BACK));
    let counted = desk.approve(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(counted.held_by.as_deref(), Some("filtered_click"), "nobody has looked at that yet");
    world.clock.advance(30 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let released = desk.approve(TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(released.status, ConversionStatus::Approved);
}

#[tokio::test]
async fn without_its_history_a_change_back_would_count() {
    let world = changed_back().await;
    let row = world.order("a").await;
    let claim = crate::pipeline::claim_json::from_json(&serde_json::json!({
        "action": "purchase", "order_ref": "a", "status": "approved",
    }));
    let claim = claim.expect("a claim");
    let received_at = world.now() + DAY;
    let told = Told {
        event: model::id::EventId(u128::MAX),
        claim_index: 0,
        received_at,
        was_parked: false,
        is_again: false,
    };
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let history = tx.conversions().revisions(&[row.id]).await.expect("rows");
    assert_eq!(weigh(&row, &history, &claim, told), Ok(Effect::Held));
    assert!(matches!(weigh(&row, &[], &claim, told), Ok(Effect::Applied(_))));
}
