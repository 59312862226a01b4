//! Who earns, by which key, and with which words it ends when nobody does.

use std::time::Duration;

use model::click_id::ClickFlags;
use model::conversion::AttributionRule;
use model::conversion::ConversionStatus;
use model::id::CampaignId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::inbound::Inbound;

use super::world::AIGERIM;
use super::world::BOTA;
use super::world::DAY;
use super::world::NETWORK;
use super::world::OTHER_POSTBACK;
use super::world::REVIEWER;
use super::world::SHOP_SECOND;
use super::world::TRACKIER;
use super::world::World;
use super::world::end_of;

/// Sends a postback in which `{1}` to `{6}` stand for fresh clicks on those links, and answers how
/// it ended.
async fn check(world: &mut World, query: &str, expected: &str) {
    let mut filled = query.to_owned();
    for link in 1..=6 {
        let place = format!("{{{link}}}");
        if filled.contains(&place) {
            filled = filled.replace(&place, &world.click(link));
        }
    }
    let row = world.postback(&filled).await;
    assert_eq!(end_of(&row), expected, "{query}: {:?}", row.detail);
}

async fn earner(world: &World, order: &str) -> (AttributionRule, PublisherId) {
    let conversion = world.order(order).await;
    (conversion.rule, conversion.publisher)
}

#[tokio::test]
async fn every_key_credits_its_publisher() {
    let mut world = World::new().await;
    let by = |rule, publisher| (rule, publisher);
    for (order, keys, expected) in [
        ("a", "click_id={1}", by(AttributionRule::ClickId, AIGERIM)),
        ("b", "coupon=aigerim10", by(AttributionRule::Coupon, AIGERIM)),
        ("c", "ref_code=bota", by(AttributionRule::RefCode, BOTA)),
        (
            "d",
            "landing_url=https%3A%2F%2Fshop.example%2F%3Fref_code%3Dbota",
            by(AttributionRule::LazyUrl, BOTA),
        ),
        (
            "e",
            "referrer=https%3A%2F%2Fshop.example%2F%3Fsub1%3D{2}%26x%3D1",
            by(AttributionRule::LazyUrl, BOTA),
        ),
        ("f", "click_id=nonsense&ref_code=spring", by(AttributionRule::RefCode, AIGERIM)),
        ("g", "click_id={5}", by(AttributionRule::ClickId, AIGERIM)),
    ] {
        check(&mut world, &format!("{keys}&order_id={order}&amount=100"), "converted").await;
        assert_eq!(earner(&world, order).await, expected, "{keys}");
    }
}

#[tokio::test]
async fn a_personal_coupon_beats_a_click_unless_its_campaign_says_otherwise() {
    let mut world = World::new().await;
    check(&mut world, "click_id={2}&coupon=AIGERIM10&order_id=a&amount=100", "converted").await;
    let conversion = world.order("a").await;
    assert_eq!((conversion.rule, conversion.publisher), (AttributionRule::Coupon, AIGERIM));
    assert_eq!(conversion.explanation["next_best"]["kind"], "click_id");
    assert_eq!(conversion.explanation["candidates"][1]["why_not"], "coupon_wins");
    // Coupon BOTA10 stands in a campaign where clicks win.
    check(&mut world, "click_id={1}&coupon=BOTA10&order_id=b&amount=100", "converted").await;
    assert_eq!(earner(&world, "b").await, (AttributionRule::ClickId, AIGERIM));
    check(&mut world, "coupon=BOTA10&order_id=c&amount=100", "converted").await;
    assert_eq!(earner(&world, "c").await, (AttributionRule::Coupon, BOTA));
}

#[tokio::test]
async fn a_generic_coupon_never_decides() {
    let mut world = World::new().await;
    check(&mut world, "click_id={2}&coupon=SALE&order_id=a&amount=100", "converted").await;
    assert_eq!(earner(&world, "a").await, (AttributionRule::ClickId, BOTA));
    check(&mut world, "coupon=SALE&order_id=b&amount=100", "unmatched no_attribution_key").await;
}

#[tokio::test]
async fn without_a_good_key_the_reason_of_the_strongest_is_told() {
    let mut world = World::new().await;
    for (query, expected) in [
        ("order_id=a&amount=1", "unmatched no_attribution_key"),
        ("order_id=b&amount=1&click_id=nonsense", "unmatched bad_click_id"),
        ("order_id=c&amount=1&coupon=NOPE", "unmatched unknown_coupon"),
        ("order_id=d&amount=1&coupon=OLD", "unmatched unknown_coupon"),
        ("order_id=e&amount=1&ref_code=nobody", "unmatched unknown_ref_code"),
        ("order_id=f&amount=1&click_id={6}", "unmatched wrong_advertiser"),
        ("order_id=g&amount=1&ref_code=other", "unmatched wrong_advertiser"),
        ("order_id=h&amount=1&coupon=NOPE&click_id=x&ref_code=nobody", "unmatched unknown_coupon"),
        ("order_id=i&amount=1&click_id=x&ref_code=nobody", "unmatched bad_click_id"),
        ("order_id=j&status=rejected", "unmatched unknown_order"),
        ("order_id=k&status=approved", "unmatched unknown_order"),
        ("order_id=l&amount=12.345&click_id={1}", "malformed bad_amount"),
        ("order_id=m&amount=abc&click_id={1}", "malformed bad_amount"),
        ("order_id=n&order_ref=o&amount=1&click_id={1}", "malformed parse_error"),
        ("action=add_to_cart&click_id={1}", "event"),
        ("action=add_to_cart", "event"),
        ("action=signup&click_id=nonsense&order_id=p", "unmatched bad_click_id"),
    ] {
        check(&mut world, query, expected).await;
    }
    assert_eq!(world.count("transactions").await, 0);
}

#[tokio::test]
async fn a_forged_click_id_is_not_ours() {
    let mut world = World::new().await;
    let good = world.click(1);
    let mut forged = good.clone();
    let last = if good.ends_with('0') { "1" } else { "0" };
    forged.replace_range(39..40, last);
    let row = world.postback(&format!("click_id={forged}&order_id=a&amount=1")).await;
    assert_eq!(end_of(&row), "unmatched bad_click_id");
    let row =
        world.postback(&format!("click_id={}&order_id=a&amount=1", good.to_uppercase())).await;
    assert_eq!(end_of(&row), "converted");
}

#[tokio::test]
async fn click_outside_the_window_earns_nothing() {
    let mut world = World::new().await;
    let early = world.click(1);
    world.clock.advance(29 * DAY + Duration::from_millis(86_399_990));
    let row = world.postback(&format!("click_id={early}&order_id=a&amount=1")).await;
    assert_eq!(end_of(&row), "converted");
    world.clock.advance(Duration::from_millis(20));
    let row = world.postback(&format!("click_id={early}&order_id=b&amount=1")).await;
    assert_eq!(end_of(&row), "unmatched click_expired");
}

#[tokio::test]
async fn first_touch_is_the_earliest_of_the_customer_inside_the_window() {
    let mut world = World::new().await;
    let first = world.click(4);
    world.postback(&format!("action=landing&click_id={first}&customer_id=c1")).await;
    world.clock.advance(DAY);
    let second = world.click(3);
    world.postback(&format!("click_id={second}&customer_id=c1&order_id=a&amount=100")).await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.publisher, BOTA);
    assert_eq!(conversion.click_id, Some(first));
    assert_eq!(conversion.explanation["touches"], 2);
    assert_eq!(conversion.explanation["model"], "first_touch");
    assert_eq!(conversion.explanation["candidates"][1]["why_not"], "later_touch");
    // Thirty days later the first touch has left its window, and the second is the first.
    world.clock.advance(29 * DAY + DAY / 2);
    let third = world.click(4);
    world.postback(&format!("click_id={third}&customer_id=c1&order_id=b&amount=100")).await;
    assert_eq!(world.order("b").await.click_id, Some(second));
    // Without a customer the named click is the only touch.
    world.postback(&format!("click_id={third}&order_id=c&amount=100")).await;
    let conversion = world.order("c").await;
    assert_eq!((conversion.click_id, conversion.publisher), (Some(third), BOTA));
    assert_eq!(conversion.explanation["touches"], 1);
}

#[tokio::test]
async fn last_touch_is_the_named_click() {
    let mut world = World::new().await;
    let first = world.click(2);
    world.postback(&format!("action=landing&click_id={first}&customer_id=c1")).await;
    let second = world.click(1);
    world.postback(&format!("click_id={second}&customer_id=c1&order_id=a&amount=100")).await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.publisher, AIGERIM);
    assert_eq!(conversion.explanation["touches"], 2);
}

#[tokio::test]
async fn touches_of_one_batch_are_memory_for_its_later_claims() {
    let mut world = World::new().await;
    let (first, second) = (world.click(4), world.click(3));
    let landing = world.inbound(
        super::world::SHOP_POSTBACK,
        &format!("action=landing&click_id={first}&customer_id=c1"),
    );
    let order = world.inbound(
        super::world::SHOP_POSTBACK,
        &format!("click_id={second}&customer_id=c1&order_id=a&amount=100"),
    );
    world.clock.advance(Duration::from_secs(1));
    world.source.push_inbound(&landing);
    world.source.push_inbound(&order);
    let tallies = world.run().await.expect("a batch");
    assert_eq!(tallies.len(), 1);
    assert_eq!(world.order("a").await.explanation["touches"], 2);
}

#[tokio::test]
async fn the_same_order_pays_once_through_every_door() {
    let mut world = World::new().await;
    let click = world.click(1);
    let postback =
        format!("click_id={click}&order_id=A-1&amount=10000.00&currency=KZT&status=approved");
    assert_eq!(end_of(&world.postback(&postback).await), "converted");
    assert_eq!(end_of(&world.postback(&postback).await), "duplicate");
    let event = world.event(&format!(
        r#"{{"action":"purchase","value":10000,"currency":"KZT","order_id":"A-1",
            "click_id":"{click}"}}"#
    ));
    assert_eq!(end_of(&world.take(event).await), "duplicate");
    let second = world.inbound(SHOP_SECOND, &format!("zakaz=A-1&click_id={click}&amount=10000"));
    assert_eq!(end_of(&world.take(second).await), "duplicate");
    // Another shop's order of the same number is another order.
    let other_click = world.click(6);
    let other =
        world.inbound(OTHER_POSTBACK, &format!("order_id=A-1&click_id={other_click}&amount=5"));
    let ended = end_of(&world.take(other).await);
    assert_eq!(ended, "held rule:duplicate-order");
    assert_eq!(world.balance(AIGERIM).await.pending, 70_000);
    assert_eq!(world.count("conversions").await, 2);
}

#[tokio::test]
async fn a_network_owes_what_it_states_in_the_currency_of_the_clicks_shop() {
    let mut world = World::new().await;
    let click = world.click(2);
    let inbound = world
        .inbound(NETWORK, &format!("click_id={click}&order_id=n-1&payout=50.00&status=approved"));
    assert_eq!(end_of(&world.take(inbound).await), "converted");
    let conversion = world.order("n-1").await;
    assert!(conversion.is_network);
    assert_eq!(conversion.split.charge.to_string(), "50.00 KZT");
    assert_eq!(conversion.order_amount_minor, None);
    assert_eq!(conversion.order.order_space, NETWORK.to_string());
    assert!(world.accounts().await.contains(&format!("advertiser_receivable/{NETWORK}/KZT 5000")));
}

#[tokio::test]
async fn the_trackier_door_asks_for_a_click_id() {
    let mut world = World::new().await;
    let take = |world: &mut World, query: &str| -> Inbound { world.inbound(TRACKIER, query) };
    let inbound = take(&mut world, "txn_id=t-1&payout=5&status=approved");
    assert_eq!(end_of(&world.take(inbound).await), "unmatched no_click_id");
    let click = world.click(2);
    let inbound = take(&mut world, &format!("p1={click}&txn_id=t-2&payout=5&status=approved"));
    assert_eq!(end_of(&world.take(inbound).await), "converted");
    assert_eq!(world.order("t-2").await.split.charge.amount(), "5.00");
}

#[tokio::test]
async fn a_fixed_term_earns_whatever_the_amount() {
    let mut world = World::new().await;
    check(&mut world, "action=signup&click_id={2}&order_id=s-1", "converted").await;
    let conversion = world.order("s-1").await;
    assert_eq!(conversion.split.charge.to_string(), "500.00 KZT");
    assert_eq!(conversion.order.action, "signup");
}

#[tokio::test]
async fn without_an_order_number_the_click_is_the_order() {
    let mut world = World::new().await;
    let click = world.click(2);
    world.postback(&format!("click_id={click}&amount=100")).await;
    let row = world.postback(&format!("click_id={click}&amount=100")).await;
    assert_eq!(end_of(&row), "duplicate");
    assert_eq!(world.order(&format!("click:{click}")).await.split.charge.minor, 1_000);
    // With neither, each telling is an order of its own.
    world.postback("ref_code=bota&amount=100").await;
    let row = world.postback("ref_code=bota&amount=100").await;
    assert_eq!(end_of(&row), "converted");
}

/// Sets the days of both campaigns of the shop. The tenant's days begin at 19:00 UTC.
async fn set_days(world: &World, starts_on: &str, ends_on: &str) {
    let sql = format!("UPDATE campaigns SET starts_on = '{starts_on}', ends_on = '{ends_on}'");
    world.store.tamper(&[&sql]).await.expect("rows");
}

#[tokio::test]
async fn a_click_earns_if_it_was_made_on_a_day_of_its_campaign() {
    let mut world = World::new().await;
    set_days(&world, "2026-03-01", "2026-03-01").await;
    let (first, hour) = (world.click(2), Duration::from_hours(1));
    world.clock.advance(Duration::from_secs(19 * 3600 - 1));
    let last = world.click(2);
    world.clock.advance(hour);
    let late = world.click(2);
    for (order, click, expected) in [
        ("a", &first, "converted"),
        ("b", &last, "converted"),
        ("c", &late, "unmatched click_expired"),
    ] {
        let row = world.postback(&format!("click_id={click}&order_id={order}&amount=100")).await;
        assert_eq!(end_of(&row), expected, "{order}: {:?}", row.detail);
    }
    set_days(&world, "2026-03-02", "2026-03-05").await;
    let row = world.postback(&format!("click_id={first}&order_id=d&amount=100")).await;
    assert_eq!(end_of(&row), "unmatched click_expired");
    assert!(row.detail.expect("why").ends_with(": campaign_not_started"));
    let row = world.postback(&format!("click_id={late}&order_id=e&amount=100")).await;
    assert_eq!(end_of(&row), "converted");
}

#[tokio::test]
async fn a_code_earns_if_its_sale_is_made_on_a_day_of_its_campaign() {
    let mut world = World::new().await;
    let bad = |key: &str| format!("unmatched {key}");
    for (days, coupon, slug, why) in [
        (("2026-02-01", "2026-02-28"), bad("unknown_coupon"), bad("unknown_ref_code"), "ended"),
        (("2026-03-02", "2026-03-31"), bad("unknown_coupon"), bad("unknown_ref_code"), "started"),
        (("2026-03-01", "2026-03-01"), "converted".to_owned(), "converted".to_owned(), ""),
    ] {
        set_days(&world, days.0, days.1).await;
        check(&mut world, "coupon=AIGERIM10&order_id=a&amount=100", &coupon).await;
        check(&mut world, "ref_code=bota&order_id=b&amount=100", &slug).await;
        let url = "landing_url=https%3A%2F%2Fshop.example%2F%3Fref_code%3Dbota";
        let row = world.postback(&format!("{url}&order_id=c&amount=100")).await;
        assert_eq!(end_of(&row), slug);
        assert!(row.detail.unwrap_or_default().ends_with(why));
    }
}

#[tokio::test]
async fn a_key_outside_its_campaign_gives_way_and_says_why() {
    let mut world = World::new().await;
    let ended =
        format!("UPDATE campaigns SET ends_on = '2026-02-28' WHERE id = '{}'", CampaignId(42));
    world.store.tamper(&[&ended]).await.expect("a row");
    check(&mut world, "coupon=BOTA10&ref_code=spring&order_id=a&amount=100", "converted").await;
    let conversion = world.order("a").await;
    assert_eq!((conversion.rule, conversion.publisher), (AttributionRule::RefCode, AIGERIM));
    assert_eq!(conversion.explanation["candidates"][0]["why_not"], "campaign_ended");
}

#[tokio::test]
async fn a_sale_from_a_bots_click_is_held() {
    let mut world = World::new().await;
    let click = world.click_with(2, ClickFlags { filtered: true, ..ClickFlags::PLAIN });
    let row = world.postback(&format!("click_id={click}&order_id=a&amount=100")).await;
    assert_eq!(end_of(&row), "held filtered_click");
    world.clock.advance(20 * DAY);
    assert_eq!(world.settle.release_due().await.expect("a run"), 0);
    let held = world.order("a").await;
    assert_eq!(held.held_by.as_deref(), Some("filtered_click"));
    assert_eq!(world.balance(BOTA).await.pending, 800);
    let desk = world.settle.desk();
    let released = desk.approve(super::world::TENANT, held.id, REVIEWER).await.expect("open");
    assert_eq!(released.status, ConversionStatus::Approved);
    assert_eq!(world.balance(BOTA).await.available, 800);
}

#[tokio::test]
async fn a_named_user_gets_the_share() {
    let mut world = World::new().await;
    let click = world.click_with(2, ClickFlags { has_user: true, ..ClickFlags::PLAIN });
    let sql =
        format!("INSERT INTO click_users VALUES ('{}', '{click}', 'user-1')", super::world::TENANT);
    world.store.tamper(&[&sql]).await.expect("a row");
    world.postback(&format!("click_id={click}&order_id=a&amount=10000")).await;
    let conversion = world.order("a").await;
    assert_eq!(conversion.shopper, Some(ShopperId(81)));
    assert_eq!(conversion.split.shopper.amount(), "400.00");
    assert_eq!(conversion.split.net.amount(), "400.00");
}

#[tokio::test]
async fn terms_are_those_of_the_day_and_the_most_specific() {
    let mut world = World::new().await;
    let old = world.click(2);
    world.postback(&format!("click_id={old}&order_id=a&amount=100")).await;
    let now = world.now().0;
    let tenant = super::world::TENANT;
    let campaign = CampaignId(41);
    let offer = model::id::OfferId(31);
    let end = format!("UPDATE terms SET valid_to = {now} WHERE id = 'trm_31p'");
    let next = format!(
        "INSERT INTO terms VALUES ('{tenant}', 'trm_new', 'offer', '{offer}', 0, 'purchase', \
         'percent', 2000, NULL, NULL, '{{}}', {now}, NULL)"
    );
    world.store.tamper(&[&end, &next]).await.expect("rows");
    world.postback(&format!("click_id={old}&order_id=b&amount=100")).await;
    let of_campaign = format!(
        "INSERT INTO terms VALUES ('{tenant}', 'trm_cmp', 'campaign', '{campaign}', 0, 'purchase', \
         'percent', 3000, NULL, NULL, '{{}}', {now}, NULL)"
    );
    world.store.tamper(&[&of_campaign]).await.expect("rows");
    world.postback(&format!("click_id={old}&order_id=c&amount=100")).await;
    let charge = |order: &'static str| {
        let world = &world;
        async move { world.order(order).await.split.charge.minor }
    };
    assert_eq!([charge("a").await, charge("b").await, charge("c").await], [1_000, 2_000, 3_000]);
    // A past conversion never changes by a new rate.
    world.postback("order_id=a&status=partial&amount=50").await;
    assert_eq!(world.order("a").await.split.charge.minor, 500);
}

#[tokio::test]
async fn traffic_for_tests_never_reaches_the_ledger() {
    let mut world = World::new().await;
    check(&mut world, "click_id={1}&order_id=a&amount=100&test=1", "ignored test_mode").await;
    assert_eq!(world.count("conversions").await, 0);
}
