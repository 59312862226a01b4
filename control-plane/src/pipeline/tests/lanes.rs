//! What comes beside inbounds: clicks become sums, refusals become rows of the debugger.

use model::click::Click;
use model::click::FilteredReason;
use model::click::SuspectReason;
use model::click_id::ClickId;
use model::id::CampaignId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::OfferId;
use model::inbound::RefusedReason;
use model::outcome::Outcome;
use model::record::RecordKind;
use model::wire;
use store::inbound::InboundFilter;
use store::page::PageAsk;
use store::rollups::ClickCounts;
use store::rollups::GroupBy;
use store::rollups::StatsFilter;

use super::world::BOTA;
use super::world::DAY;
use super::world::SHOP_POSTBACK;
use super::world::START;
use super::world::TENANT;
use super::world::World;
use crate::pipeline::Consumer;
use crate::pipeline::consume::MemorySource;

fn click(id: &str) -> Click<'static> {
    Click {
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
        country: None,
        user_agent: "browser".into(),
        language: "kk".into(),
        referrer: "".into(),
        params: Vec::new(),
        unique: true,
        filtered: None,
        suspect: None,
        user_id: None,
    }
}

const ALL: StatsFilter = StatsFilter {
    from: START,
    to: model::clock::Timestamp(START.0 + 40 * 86_400_000_000),
    publisher: None,
    campaign: None,
    advertiser: None,
    link: None,
};

#[tokio::test]
async fn clicks_are_summed_and_replayed_without_counting_twice() {
    let mut world = World::new().await;
    let lane = MemorySource::new("journal-1", "clicks");
    let id = world.click(2);
    for one in [
        click(&id),
        Click { unique: false, suspect: Some(SuspectReason::Repeat), ..click(&id) },
        Click { filtered: Some(FilteredReason::Bot), ..click(&id) },
        Click { user_id: Some("user-1".into()), ..click(&id) },
    ] {
        let payload = wire::encode_click(&one, Vec::new());
        lane.push(RecordKind::Click.byte(), world.now(), payload);
    }
    lane.push(RecordKind::Click.byte(), world.now(), vec![0]);
    for _ in 0..2 {
        let mut consumer = Consumer::new(lane.clone());
        while world.pipeline.step(&mut consumer).await.expect("a batch").records > 0 {}
    }
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let overview = tx.rollups().overview(&ALL).await.expect("sums");
    assert_eq!(overview.clicks, ClickCounts { clicks: 3, unique: 2, filtered: 1, suspect: 1 });
    drop(tx);
    assert_eq!(world.count("click_users").await, 1);
}

#[tokio::test]
async fn sums_follow_conversions_up_and_down() {
    let mut world = World::new().await;
    let id = world.click(2);
    world.postback(&format!("order_id=a&click_id={id}&amount=100&status=approved")).await;
    world.postback(&format!("order_id=b&click_id={id}&amount=300&status=approved")).await;
    world.postback(&format!("action=add_to_cart&click_id={id}")).await;
    world.clock.advance(DAY);
    world.postback("order_id=b&status=partial&amount=200").await;
    world.postback("order_id=a&status=returned").await;
    world.postback("order_id=a&status=returned").await;
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let overview = tx.rollups().overview(&ALL).await.expect("sums");
    assert_eq!(overview.conversions, 1);
    let sums = overview.money[0].sums;
    assert_eq!((sums.gmv, sums.charge, sums.commission, sums.net), (20_000, 2_000, 1_600, 1_600));
    let events = [("add_to_cart".to_owned(), 1), ("purchase".to_owned(), 2)];
    assert_eq!(overview.events, events);
    let by = tx.rollups().by(&ALL, GroupBy::Publisher).await.expect("rows");
    assert_eq!(by.len(), 1);
    assert_eq!((by[0].key.as_str(), by[0].conversions), (BOTA.to_string().as_str(), 1));
    let others = StatsFilter { publisher: Some(super::world::AIGERIM), ..ALL };
    assert_eq!(tx.rollups().overview(&others).await.expect("sums").conversions, 0);
}

#[tokio::test]
async fn the_last_two_hundred_refusals_of_an_integration_are_shown() {
    let mut world = World::new().await;
    let lane = MemorySource::new("journal-1", "control");
    for _ in 0..205 {
        let mut inbound = world.inbound(SHOP_POSTBACK, "token=***&order_id=a");
        inbound.refused = Some(RefusedReason::BadToken);
        lane.push_inbound(&inbound);
    }
    lane.push(RecordKind::Shed.byte(), world.now(), vec![1, 2, 3]);
    let mut consumer = Consumer::new(lane);
    while world.pipeline.step(&mut consumer).await.expect("a batch").records > 0 {}
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let filter = InboundFilter { reason: Some("bad_token".to_owned()), ..InboundFilter::default() };
    let rows = tx.inbound().list(&filter, &PageAsk::first(500)).await.expect("rows");
    assert_eq!(rows.len(), 200);
    assert!(rows.windows(2).all(|pair| pair[0].event > pair[1].event));
    assert_eq!(rows[0].outcome.as_str(), "refused");
}

#[tokio::test]
async fn strangers_are_shown_under_the_name_they_asked_for_and_the_last_two_hundred_in_all() {
    let mut world = World::new().await;
    let lane = MemorySource::new("journal-1", "control");
    let mut push = |integration: IntegrationId, reason| {
        let mut inbound = world.inbound(integration, "token=***");
        inbound.refused = Some(reason);
        lane.push_inbound(&inbound);
    };
    push(SHOP_POSTBACK, RefusedReason::BadToken);
    for number in 0..205 {
        push(IntegrationId(1_000 + number), RefusedReason::UnknownIntegration);
    }
    let mut consumer = Consumer::new(lane);
    while world.pipeline.step(&mut consumer).await.expect("a batch").records > 0 {}
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let mut shown = async |integration: Option<IntegrationId>| {
        let outcome = Some(Outcome::Refused);
        let filter = InboundFilter { integration, outcome, ..InboundFilter::default() };
        tx.inbound().list(&filter, &PageAsk::first(500)).await.expect("rows").len()
    };
    assert_eq!(shown(None).await, 201);
    assert_eq!(shown(Some(SHOP_POSTBACK)).await, 1);
    assert_eq!(shown(Some(IntegrationId(1_204))).await, 1);
    assert_eq!(shown(Some(IntegrationId(1_004))).await, 0);
}
