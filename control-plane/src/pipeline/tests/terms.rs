//! Clicks that earn, tiers, conditions and caps, through the whole line.

use std::time::Duration;

use model::click::Click;
use model::click_id::ClickFlags;
use model::click_id::ClickId;
use model::click_id::ClickKind;
use model::conversion::ConversionStatus;
use model::id::CampaignId;
use model::id::LinkId;
use model::id::OfferId;
use model::record::RecordKind;
use model::wire;

use super::world::AIGERIM;
use super::world::BOTA;
use super::world::TENANT;
use super::world::World;
use super::world::end_of;
use crate::pipeline::Consumer;
use crate::pipeline::consume::MemorySource;

/// Adds a term to the shop's offer.
async fn term(world: &World, id: &str, action: &str, priced: &str, body: &str) {
    let offer = OfferId(31);
    let sql = format!(
        "INSERT INTO terms VALUES ('{TENANT}', 'trm_{id}', 'offer', '{offer}', -1, '{action}', \
         {priced}, '{body}', 0, NULL)"
    );
    world.store.tamper(&[&sql]).await.expect("a term");
}

async fn change(world: &World, sql: &str) {
    world.store.tamper(&[sql]).await.expect("a change");
}

async fn read(world: &World, lane: &MemorySource) {
    let mut consumer = Consumer::new(lane.clone());
    while Box::pin(world.pipeline.step(&mut consumer)).await.expect("a batch").records > 0 {}
}

fn record(lane: &MemorySource, world: &World, id: &str, country: Option<&'static str>) {
    let click = Click {
        click_id: ClickId::parse(id).expect("a click id"),
        tenant: TENANT,
        link: LinkId(62),
        campaign: CampaignId(41),
        offer: OfferId(31),
        publisher: BOTA,
        slug: "bota".into(),
        domain: "go.example".into(),
        visitor: 1,
        ip_prefix: None,
        country: country.map(Into::into),
        user_agent: "browser".into(),
        language: "kk".into(),
        referrer: "".into(),
        params: Vec::new(),
        unique: true,
        filtered: None,
        suspect: None,
        user_id: None,
    };
    let payload = wire::encode_click(&click, Vec::new());
    lane.push(RecordKind::Click.byte(), world.now(), payload);
}

#[tokio::test]
async fn a_click_that_earns_is_posted_once_however_often_it_is_read() {
    let mut world = World::new().await;
    term(&world, "c", "click", "'fixed', NULL, 500, 'KZT'", "{}").await;
    let lane = MemorySource::new("journal-1", "clicks");
    let (one, other) = (world.click(2), world.click(2));
    for id in [&one, &other, &one] {
        record(&lane, &world, id, None);
    }
    read(&world, &lane).await;
    // The same records in another journal: the inbox and the business key hold.
    let again = MemorySource::new("journal-2", "clicks");
    record(&again, &world, &one, None);
    read(&world, &again).await;
    let rows = world.conversions().await;
    assert_eq!(rows.len(), 2);
    assert_eq!(world.balance(BOTA).await.pending, 2 * 400);
    let row = world.order(&one).await;
    assert_eq!((row.order.action.as_str(), row.split.charge.minor), ("click", 500));
    assert_eq!(world.count("inbound").await, 0, "nobody told it");
    assert_eq!(world.count("unmatched").await, 0);
}

#[tokio::test]
async fn filtered_and_suspect_clicks_earn_nothing_and_each_kind_has_its_own_term() {
    let mut world = World::new().await;
    term(&world, "c", "click", "'fixed', NULL, 500, 'KZT'", "{}").await;
    term(&world, "i", "intent_click", "'fixed', NULL, 2000, 'KZT'", "{}").await;
    let lane = MemorySource::new("journal-1", "clicks");
    let plain = ClickFlags::PLAIN;
    let flags = [
        ClickFlags { filtered: true, ..plain },
        ClickFlags { suspect: true, ..plain },
        ClickFlags { kind: ClickKind::Intent, ..plain },
        ClickFlags { kind: ClickKind::View, ..plain },
    ];
    for flags in flags {
        let id = world.click_with(2, flags);
        record(&lane, &world, &id, None);
    }
    read(&world, &lane).await;
    let rows = world.conversions().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].order.action, "intent_click");
    assert_eq!(rows[0].split.charge.minor, 2_000);
}

#[tokio::test]
async fn a_country_decides_what_a_click_earns() {
    let mut world = World::new().await;
    let kz = r#"{"countries":["KZ"]}"#;
    term(&world, "c", "click", "'fixed', NULL, 500, 'KZT'", kz).await;
    let lane = MemorySource::new("journal-1", "clicks");
    for country in [Some("kz"), Some("RU"), None] {
        let id = world.click(2);
        record(&lane, &world, &id, country);
    }
    read(&world, &lane).await;
    assert_eq!(world.conversions().await.len(), 1);
}

#[tokio::test]
async fn nobody_outside_tells_us_of_a_click() {
    let mut world = World::new().await;
    term(&world, "c", "click", "'fixed', NULL, 500, 'KZT'", "{}").await;
    let id = world.click(2);
    let event = world.event(&format!(
        r#"{{"event_type":"custom","event_name":"click","click_id":"{id}","order_id":"{id}"}}"#
    ));
    let ended = world.take(event).await;
    assert_ne!(ended.outcome.as_str(), "converted");
    assert!(world.conversions().await.is_empty());
}

#[tokio::test]
async fn a_cap_is_exact_and_what_is_over_it_is_kept_and_earns_nothing() {
    let mut world = World::new().await;
    let caps = r#"{"conversions":{"day":2}}"#;
    change(&world, &format!("UPDATE offers SET caps = '{caps}' WHERE id = '{}'", OfferId(31)))
        .await;
    let click = world.click(1);
    for (order, end) in [("A-1", "converted"), ("A-2", "converted"), ("A-3", "rejected over_cap")] {
        let ended = world
            .postback(&format!("click_id={click}&order_id={order}&amount=100&status=approved"))
            .await;
        assert_eq!(end_of(&ended), end, "{order}");
    }
    let row = world.order("A-3").await;
    assert_eq!(row.status, ConversionStatus::Rejected);
    assert_eq!(row.explanation["cap"]["used"], 2);
    assert_eq!(world.balance(AIGERIM).await.pending, 2 * 700);
    // What is taken back gives its place back.
    world.postback("order_id=A-1&status=reversed").await;
    let ended =
        world.postback(&format!("click_id={click}&order_id=A-4&amount=100&status=approved")).await;
    assert_eq!(end_of(&ended), "converted");
    // The next day has its own.
    world.clock.advance(Duration::from_hours(24));
    let ended =
        world.postback(&format!("click_id={click}&order_id=A-5&amount=100&status=approved")).await;
    assert_eq!(end_of(&ended), "converted");
}

#[tokio::test]
async fn a_budget_holds_inside_one_batch_and_stops_the_links() {
    let mut world = World::new().await;
    let campaign = CampaignId(41);
    change(&world, &format!("UPDATE campaigns SET budget_minor = 2500 WHERE id = '{campaign}'"))
        .await;
    let click = world.click(1);
    for order in ["A-1", "A-2", "A-3"] {
        let query = format!("click_id={click}&order_id={order}&amount=100&status=approved");
        let inbound = world.inbound(super::world::SHOP_POSTBACK, &query);
        world.source.push_inbound(&inbound);
    }
    world.run().await.expect("one batch");
    let over = world.order("A-3").await;
    assert_eq!(over.reason.as_deref(), Some("over_cap"));
    assert_eq!(world.settle.stop_capped_links().await.expect("a look"), 0, "500 is left");
    world.postback(&format!("click_id={click}&order_id=A-4&amount=50.00&status=approved")).await;
    assert_eq!(world.settle.stop_capped_links().await.expect("a look"), 3);
    assert_eq!(world.settle.stop_capped_links().await.expect("a look"), 0);
    world.postback("order_id=A-4&status=reversed").await;
    assert_eq!(world.settle.stop_capped_links().await.expect("a look"), 3);
}

#[tokio::test]
async fn tiers_count_what_the_batch_itself_has_sold() {
    let mut world = World::new().await;
    let tiers = r#"{"tiers":[{"from":15000,"bp":2000}]}"#;
    term(&world, "t", "purchase", "'percent', 1000, NULL, NULL", tiers).await;
    let click = world.click(2);
    for order in ["A-1", "A-2", "A-3"] {
        let query = format!("click_id={click}&order_id={order}&amount=100&status=approved");
        let inbound = world.inbound(super::world::SHOP_POSTBACK, &query);
        world.source.push_inbound(&inbound);
    }
    world.run().await.expect("one batch");
    for (order, charge) in [("A-1", 1_000), ("A-2", 1_000), ("A-3", 2_000)] {
        assert_eq!(world.order(order).await.split.charge.minor, charge, "{order}");
    }
    let row = world.order("A-3").await;
    assert_eq!(row.explanation["terms"]["tier"]["volume"], 20_000);
    assert_eq!(row.explanation["terms"]["fee_bp"], 2_000);
    // A partial return keeps the tier that counted.
    world.postback("order_id=A-3&status=partial&amount=50.00").await;
    assert_eq!(world.order("A-3").await.split.charge.minor, 1_000);
}

#[tokio::test]
async fn a_customer_is_new_once() {
    let mut world = World::new().await;
    let new = r#"{"new_customer":true}"#;
    term(&world, "n", "purchase", "'percent', 2000, NULL, NULL", new).await;
    let click = world.click(2);
    for (order, charge) in [("A-1", 2_000), ("A-2", 1_000)] {
        world
            .postback(&format!(
                "click_id={click}&order_id={order}&amount=100&status=approved&customer_id=c-1"
            ))
            .await;
        assert_eq!(world.order(order).await.split.charge.minor, charge, "{order}");
    }
}
