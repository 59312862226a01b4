//! Rollups: sums that grow, and are read in one way whatever the engine makes of a sum.

use std::collections::BTreeMap;

use ledger::Split;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::conversion::AttributionRule;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde_json::json;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::on_both;
use super::shop;
use super::shop::bits;
use crate::business_keys::OrderKey;
use crate::conversions::Conversion;
use crate::conversions::Rates;
use crate::rollups::BUCKET_US;
use crate::rollups::ClickCounts;
use crate::rollups::ClickKey;
use crate::rollups::ConversionKey;
use crate::rollups::ConversionSums;
use crate::rollups::EventKey;
use crate::rollups::GroupBy;
use crate::rollups::StatsFilter;
use crate::rollups::bucket_of;
use crate::unit::Store;

on_both!(
    clicks_add_up_over_batches,
    money_adds_up_beyond_what_a_float_holds,
    steps_are_counted_by_action,
    shares_are_summed_from_conversions,
);

/// An order of the shop.
pub(super) fn order(order_ref: &str) -> OrderKey {
    OrderKey {
        order_space: "shop".to_owned(),
        order_ref: order_ref.to_owned(),
        line: String::new(),
        action: "purchase".to_owned(),
    }
}

/// A pending conversion of 1000.00 without postings.
pub(super) fn conversion(tenant: TenantId, number: u128) -> Conversion {
    let money = |minor| Money::new(minor, Currency::KZT);
    Conversion {
        id: ConversionId(bits(tenant, number)),
        status: ConversionStatus::Pending,
        outside_status: ClaimStatus::Approved,
        order: order(&format!("order-{number}")),
        integration: IntegrationId(bits(tenant, 2)),
        advertiser: shop::advertiser(tenant, 1).id,
        is_network: false,
        campaign: shop::campaign(tenant, 4).id,
        offer: shop::offer(tenant, 3).id,
        publisher: shop::publisher(tenant, 5).id,
        enrolment: None,
        link: Some(shop::link(tenant, 7).id),
        coupon: None,
        shopper: None,
        click_id: None,
        rule: AttributionRule::ClickId,
        customer_key: None,
        order_amount_minor: Some(1_000_000),
        order_currency: Currency::KZT,
        stated_charge_minor: None,
        split: Split {
            charge: money(100_000),
            fee: money(20_000),
            commission: money(80_000),
            shopper: money(5_000),
            taxes: Vec::new(),
            net: money(75_000),
        },
        rates: Rates {
            fee: BasisPoints(2_000),
            share: BasisPoints(0),
            taxes: Vec::new(),
            term: json!({"type": "percent", "bp": 1000}),
        },
        stage: None,
        origin: None,
        advanced_minor: 0,
        verdict: Decision::Approve,
        held_by: None,
        held_before: None,
        reason: None,
        hold_days: 14,
        claimed_at: NOW,
        clicked_at: None,
        approved_at: None,
        release_at: None,
        released_at: None,
        revision: 1,
        revised_at: NOW,
        revised_event: EventId(1),
        reviewed_by: None,
        explanation: json!({"rule": "click_id"}),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn all() -> StatsFilter {
    StatsFilter {
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
        publisher: None,
        campaign: None,
        advertiser: None,
        link: None,
    }
}

fn click_key(bucket: Timestamp) -> ClickKey {
    ClickKey {
        bucket,
        link: shop::link(OWN, 7).id,
        campaign: shop::campaign(OWN, 4).id,
        offer: shop::offer(OWN, 3).id,
        publisher: shop::publisher(OWN, 5).id,
    }
}

async fn clicks_add_up_over_batches(store: &Store) {
    let (first, second) = (bucket_of(NOW), Timestamp(bucket_of(NOW).0 + BUCKET_US));
    let one = ClickCounts { clicks: 3, unique: 2, filtered: 1, suspect: 0 };
    for bucket in [first, first, second] {
        let mut tx = store.begin_batch().await.expect("begins");
        let counts = BTreeMap::from([(click_key(bucket), one)]);
        tx.rollups(OWN).add_clicks(&counts).await.expect("adds");
        tx.save().await.expect("saves");
    }
    let mut tx = store.read(OWN).await.expect("reads");
    let overview = tx.rollups().overview(&all()).await.expect("reads");
    assert_eq!(overview.clicks, ClickCounts { clicks: 9, unique: 6, filtered: 3, suspect: 0 });
    let by_bucket = tx.rollups().by(&all(), GroupBy::Bucket).await.expect("reads");
    let shown: Vec<_> = by_bucket.iter().map(|row| (row.key.clone(), row.clicks.clicks)).collect();
    assert_eq!(shown, [(first.0.to_string(), 6), (second.0.to_string(), 3)]);
    let of_shop = StatsFilter { advertiser: Some(shop::advertiser(OWN, 1).id), ..all() };
    let of_shop = tx.rollups().by(&of_shop, GroupBy::Publisher).await.expect("reads");
    assert_eq!(of_shop[0].key, shop::publisher(OWN, 5).id.to_string());
    let nobody = StatsFilter { publisher: Some(shop::publisher(OTHER, 5).id), ..all() };
    assert_eq!(tx.rollups().overview(&nobody).await.expect("reads").clicks.clicks, 0);
    drop(tx);
    let mut tx = store.read(OTHER).await.expect("reads");
    assert_eq!(tx.rollups().overview(&all()).await.expect("reads").clicks.clicks, 0);
}

async fn money_adds_up_beyond_what_a_float_holds(store: &Store) {
    let large = (1 << 60) + 1;
    let sums =
        |charge| ConversionSums { conversions: 1, gmv: charge, charge, ..Default::default() };
    let key = |bucket| ConversionKey {
        bucket: Timestamp(bucket * BUCKET_US),
        advertiser: shop::advertiser(OWN, 1).id,
        campaign: shop::campaign(OWN, 4).id,
        offer: shop::offer(OWN, 3).id,
        publisher: shop::publisher(OWN, 5).id,
        link: None,
        currency: Currency::KZT,
    };
    let mut tx = store.begin_batch().await.expect("begins");
    let rows = BTreeMap::from([(key(1), sums(large)), (key(2), sums(large)), (key(3), sums(-3))]);
    tx.rollups(OWN).add_conversions(&rows).await.expect("adds");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let overview = tx.rollups().overview(&all()).await.expect("reads");
    assert_eq!(overview.conversions, 3);
    assert_eq!(overview.money[0].sums.charge, large * 2 - 3);
    let by_link = tx.rollups().by(&all(), GroupBy::Link).await.expect("reads");
    assert_eq!((by_link[0].key.as_str(), by_link[0].money.len()), ("", 1));
}

async fn steps_are_counted_by_action(store: &Store) {
    let key = |action: &str| EventKey {
        bucket: bucket_of(NOW),
        action: action.to_owned(),
        advertiser: None,
        campaign: None,
        publisher: None,
    };
    let mut tx = store.begin_batch().await.expect("begins");
    let counts = BTreeMap::from([(key("signup"), 2), (key("Landing"), 1)]);
    tx.rollups(OWN).add_events(&counts).await.expect("adds");
    tx.rollups(OWN).add_events(&counts).await.expect("adds");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let overview = tx.rollups().overview(&all()).await.expect("reads");
    assert_eq!(overview.events, [("Landing".to_owned(), 2), ("signup".to_owned(), 4)]);
}

async fn shares_are_summed_from_conversions(store: &Store) {
    let mut rejected = conversion(OWN, 3);
    rejected.status = ConversionStatus::Rejected;
    let mut tx = store.begin_batch().await.expect("begins");
    let rows = [conversion(OWN, 1), conversion(OWN, 2), rejected];
    tx.conversions(OWN).save(&rows.iter().collect::<Vec<_>>()).await.expect("saves");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let shared = tx.rollups().shared(&all()).await.expect("reads");
    assert_eq!(shared, [(Currency::KZT, 10_000)]);
}
