//! The worked story of the contract, section 9, and the life of its money.

use std::time::Duration;

use model::conversion::Awaiting;
use model::conversion::ConversionStatus;
use model::id::LinkId;

use super::world::AIGERIM;
use super::world::BOTA;
use super::world::DAY;
use super::world::World;
use super::world::end_of;

#[tokio::test]
async fn a_click_becomes_money() {
    let mut world = World::new().await;
    let click = world.click(1);
    let row = world
        .postback(&format!(
            "click_id={click}&order_id=A-1&amount=10000.00&currency=KZT&status=approved"
        ))
        .await;
    assert_eq!(end_of(&row), "converted");
    let conversion = world.order("A-1").await;
    assert_eq!(row.conversion, Some(conversion.id));
    assert_eq!(conversion.status, ConversionStatus::Pending);
    assert_eq!(conversion.awaiting(world.now()), [Awaiting::Time]);
    assert_eq!((conversion.publisher, conversion.link), (AIGERIM, Some(LinkId(61))));
    let split = &conversion.split;
    assert_eq!(split.charge.to_string(), "1000.00 KZT");
    assert_eq!(split.fee.amount(), "200.00");
    assert_eq!(split.shopper.amount(), "0.00");
    assert_eq!(split.tax().amount(), "100.00");
    assert_eq!(split.net.amount(), "700.00");
    assert_eq!(conversion.release_at, Some(world.now() + 14 * DAY));
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.pending, balance.tax_pending, balance.available), (70_000, 10_000, 0));
    assert_eq!(conversion.explanation["rule"], "click_id");
    assert_eq!(conversion.explanation["adapter"]["name"], "generic");
    assert_eq!(conversion.explanation["window"]["inside"], true);
    assert_eq!(conversion.explanation["terms"]["bp"], 1000);
    assert_eq!(conversion.explanation["inbound"], row.event.to_string());
    assert_eq!(conversion.explanation["fraud"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_hold_ends_after_its_days_and_not_before() {
    let mut world = World::new().await;
    let click = world.click(1);
    world.postback(&format!("click_id={click}&order_id=A-1&amount=10000&status=approved")).await;
    world.clock.advance(13 * DAY + Duration::from_secs(86_399));
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.settle.release_due().await.expect("a run"), 1);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let conversion = world.order("A-1").await;
    assert_eq!(conversion.status, ConversionStatus::Approved);
    assert!(conversion.awaiting(world.now()).is_empty());
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.pending, balance.available, balance.tax_withheld), (0, 70_000, 10_000));
}

#[tokio::test]
async fn without_a_hold_an_approved_claim_is_released_at_once() {
    let mut world = World::new().await;
    let click = world.click(6);
    let inbound = world.inbound(
        super::world::OTHER_POSTBACK,
        &format!("click_id={click}&order_id=B-1&amount=100.00&status=approved"),
    );
    world.take(inbound).await;
    let conversion = world.order("B-1").await;
    assert_eq!(conversion.status, ConversionStatus::Approved);
    assert_eq!(conversion.split.charge.to_string(), "10.00 USD");
    let pending = world.click(6);
    let inbound = world.inbound(
        super::world::OTHER_POSTBACK,
        &format!("click_id={pending}&order_id=B-2&amount=100.00&status=pending"),
    );
    world.take(inbound).await;
    let conversion = world.order("B-2").await;
    assert_eq!(conversion.awaiting(world.now()), [Awaiting::Advertiser]);
}

#[tokio::test]
async fn the_hold_runs_from_the_first_outside_approval() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.postback(&format!("click_id={click}&order_id=A-1&amount=10000&status=pending")).await;
    let pending = world.order("A-1").await;
    assert_eq!(pending.awaiting(world.now()), [Awaiting::Advertiser, Awaiting::Time]);
    assert_eq!(pending.release_at, None);
    assert_eq!(world.balance(BOTA).await.pending, 80_000);
    world.clock.advance(3 * DAY);
    let row = world.postback("order_id=A-1&status=approved").await;
    assert_eq!(end_of(&row), "updated");
    let approved = world.order("A-1").await;
    assert_eq!(approved.release_at, Some(world.now() + 14 * DAY));
    assert_eq!(approved.awaiting(world.now()), [Awaiting::Time]);
}

#[tokio::test]
async fn a_return_after_release_is_clawed_back_from_later_earnings() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.postback(&format!("click_id={click}&order_id=A-1&amount=10000&status=approved")).await;
    world.clock.advance(15 * DAY);
    world.settle.release_due().await.expect("a run");
    assert_eq!(world.balance(BOTA).await.available, 80_000);
    let row = world.postback("order_id=A-1&status=returned").await;
    assert_eq!(end_of(&row), "updated");
    assert_eq!(world.order("A-1").await.status, ConversionStatus::Reversed);
    let balance = world.balance(BOTA).await;
    assert_eq!((balance.pending, balance.available, balance.owed), (0, 0, 0));
    assert_eq!(world.accounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_partial_return_leaves_the_split_of_what_remains() {
    let mut world = World::new().await;
    let click = world.click(1);
    world.postback(&format!("click_id={click}&order_id=A-1&amount=10000&status=approved")).await;
    let row = world.postback("order_id=A-1&status=partial&amount=6000").await;
    assert_eq!(end_of(&row), "updated");
    let conversion = world.order("A-1").await;
    assert_eq!(conversion.split.net.amount(), "420.00");
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.pending, balance.tax_pending), (42_000, 6_000));
}
