//! The three locks: each holds alone, and without the first two money doubles.

use super::world::BOTA;
use super::world::SHOP_POSTBACK;
use super::world::World;
use crate::pipeline::Consumer;
use crate::pipeline::Mutation;
use crate::pipeline::PipelineError;
use crate::pipeline::consume::MemorySource;

/// Sells one order, then reads every record again from the first.
async fn replayed(mutation: &str) -> World {
    let mut world = World::mutated(Mutation::from_word(Some(mutation))).await;
    let click = world.click(2);
    world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    assert_eq!(world.balance(BOTA).await.pending, 800);
    world
        .store
        .tamper(&["UPDATE consumer_offsets SET next = 1, last_event = NULL"])
        .await
        .expect("a row");
    world.consumer = Consumer::new(world.source.clone());
    world.run().await.expect("batches");
    world
}

/// Tells one order twice under ids of their own.
async fn retried(mutation: &str) -> World {
    let mut world = World::mutated(Mutation::from_word(Some(mutation))).await;
    let click = world.click(2);
    for _ in 0..2 {
        world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    }
    world
}

#[tokio::test]
async fn the_inbox_alone_stops_a_replay() {
    let world = Box::pin(replayed("no_business_keys,no_offset_cas")).await;
    assert_eq!(world.balance(BOTA).await.pending, 800);
    assert_eq!(world.count("conversions").await, 1);
}

#[tokio::test]
async fn business_keys_alone_stop_a_replay_and_a_retry() {
    for world in [
        Box::pin(replayed("no_inbox,no_offset_cas")).await,
        Box::pin(retried("no_inbox,no_offset_cas")).await,
    ] {
        assert_eq!(world.balance(BOTA).await.pending, 800);
        assert_eq!(world.count("conversions").await, 1);
    }
}

/// Two consumers own one partition; both read the same record before either posts it.
async fn two_consumers(mutation: &str) -> (World, Result<(), PipelineError>) {
    let mut world = World::mutated(Mutation::from_word(Some(mutation))).await;
    let mut zombie: Consumer<MemorySource> = Consumer::new(world.source.clone());
    // Both begin before there is anything.
    assert_eq!(world.pipeline.step(&mut zombie).await.expect("a step").records, 0);
    let mut owner: Consumer<MemorySource> = Consumer::new(world.source.clone());
    assert_eq!(world.pipeline.step(&mut owner).await.expect("a step").records, 0);
    let click = world.click(2);
    let query = format!("order_id=a&click_id={click}&amount=100&status=approved");
    let inbound = world.inbound(SHOP_POSTBACK, &query);
    world.source.push_inbound(&inbound);
    assert_eq!(world.pipeline.step(&mut owner).await.expect("a step").records, 1);
    let second = world.pipeline.step(&mut zombie).await.map(drop);
    (world, second)
}

#[tokio::test]
async fn the_offset_alone_stops_a_zombie() {
    let (world, second) = Box::pin(two_consumers("no_inbox,no_business_keys")).await;
    assert!(matches!(second, Err(PipelineError::Fenced)), "{second:?}");
    assert_eq!(world.balance(BOTA).await.pending, 800);
}

#[tokio::test]
async fn without_locks_money_doubles() {
    assert_eq!(
        Box::pin(replayed("no_inbox,no_business_keys")).await.balance(BOTA).await.pending,
        1_600
    );
    assert_eq!(
        Box::pin(retried("no_inbox,no_business_keys")).await.balance(BOTA).await.pending,
        1_600
    );
    let (world, _) = Box::pin(two_consumers("no_inbox,no_business_keys,no_offset_cas")).await;
    assert_eq!(world.balance(BOTA).await.pending, 1_600);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_database_stands() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.postback(&format!("order_id=a&click_id={click}&amount=100&status=approved")).await;
    world.restart().await;
    assert_eq!(world.run().await.expect("nothing new"), []);
    world.postback("order_id=a&status=partial&amount=50").await;
    assert_eq!(world.balance(BOTA).await.pending, 400);
}

#[tokio::test]
async fn another_stream_under_the_same_name_is_refused() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.postback(&format!("order_id=a&click_id={click}&amount=100")).await;
    let other = MemorySource::new("journal-1", "inbound");
    let stranger = world.inbound(SHOP_POSTBACK, "order_id=b&status=approved");
    other.push_inbound(&stranger);
    let mut consumer = Consumer::new(other);
    let refused = world.pipeline.step(&mut consumer).await;
    assert!(matches!(refused, Err(PipelineError::Rewritten(_))), "{refused:?}");
    let mut empty = Consumer::new(MemorySource::new("journal-1", "inbound"));
    let refused = world.pipeline.step(&mut empty).await;
    assert!(matches!(refused, Err(PipelineError::Source(_))), "{refused:?}");
}
