//! Bad plugins and bad records: one inbound waits, nothing else.

use std::time::Duration;

use model::id::TenantId;
use model::record::RecordKind;
use plugin_host::Artifact;
use plugin_host::PluginIdentity;
use plugin_host::PluginKind;
use plugin_host::testkit;

use super::world::BOTA;
use super::world::REVIEWER;
use super::world::SHOP_POSTBACK;
use super::world::SHOP_SECOND;
use super::world::TENANT;
use super::world::World;
use super::world::end_of;
use super::world::host;

#[tokio::test]
async fn a_missing_adapter_holds_its_record_until_it_is_there() {
    let mut world = World::new().await;
    let broken = format!("UPDATE integrations SET adapter = 'nobody' WHERE id = '{SHOP_POSTBACK}'");
    world.store.tamper(&[&broken]).await.expect("a row");
    let click = world.click(2);
    let row = world.postback(&format!("order_id=a&click_id={click}&amount=100")).await;
    assert_eq!(end_of(&row), "held adapter_error");
    let event = row.event;
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.pipeline.retry_held(Duration::from_secs(30)).await.expect("a run"), 0);
    let mended =
        format!("UPDATE integrations SET adapter = 'generic' WHERE id = '{SHOP_POSTBACK}'");
    world.store.tamper(&[&mended]).await.expect("a row");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.pipeline.retry_held(Duration::from_secs(30)).await.expect("a run"), 1);
    assert_eq!(world.pipeline.retry_held(Duration::from_secs(30)).await.expect("a run"), 0);
    let row = world.ended(event).await;
    assert_eq!(end_of(&row), "converted");
    assert_eq!(row.attempts, 3);
    assert_eq!(world.balance(BOTA).await.pending, 800);
}

fn load(name: &str, version: &str, component: Vec<u8>) -> std::sync::Arc<PluginIdentity> {
    let (name, version) = (name.to_owned(), version.to_owned());
    let component = component.into();
    let artifact = Artifact { name, kind: PluginKind::Adapter, version, component };
    host().load(artifact).expect("a component")
}

/// A plugin of strangers in the pipeline: its record waits, nothing else does, and once it is
/// mended the record counts once.
async fn check_hostile(name: &str, component: Vec<u8>, expected: &str) {
    load(name, "1.0.0", component);
    assert!(host().wait_ready(name, Duration::from_mins(2)));
    let mut world = World::new().await;
    let adapter =
        format!("UPDATE integrations SET adapter = '{name}' WHERE id = '{SHOP_POSTBACK}'");
    world.store.tamper(&[&adapter]).await.expect("a row");
    let click = world.click(2);
    let bad = world.inbound(SHOP_POSTBACK, &format!("order_id=a&click_id={click}&amount=100"));
    let good = world.inbound(SHOP_SECOND, &format!("zakaz=b&click_id={click}&amount=200"));
    world.source.push_inbound(&bad);
    world.source.push_inbound(&good);
    let tallies = Box::pin(world.run()).await.expect("a batch");
    assert_eq!(tallies.len(), 1, "both in one batch");
    let held = world.ended(bad.event_id).await;
    assert_eq!(end_of(&held), "held adapter_error");
    let detail = held.detail.unwrap_or_default();
    assert!(detail.contains(expected), "{detail}");
    assert_eq!(end_of(&world.ended(good.event_id).await), "converted");
    assert_eq!(world.balance(BOTA).await.pending, 1_600);
    assert_eq!(world.count("conversions").await, 1);
    // Not mended: it waits, and money is as it was.
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.pipeline.retry_held(Duration::from_secs(30)).await.expect("a run"), 0);
    assert_eq!(world.balance(BOTA).await.pending, 1_600);
    let shipped = bundle::guests().iter().find(|guest| guest.name == "generic");
    let mended = load(name, "1.0.1", shipped.expect("generic").component.to_vec());
    assert!(host().wait_ready(name, Duration::from_mins(2)));
    host().activate(name, &mended.sha256).expect("the mended one");
    for ended in [1, 0] {
        world.clock.advance(Duration::from_mins(1));
        let again = world.pipeline.retry_held(Duration::from_secs(30)).await;
        assert_eq!(again.expect("a run"), ended);
        assert_eq!(end_of(&world.ended(bad.event_id).await), "converted");
        assert_eq!(world.balance(BOTA).await.pending, 2_400);
    }
    assert_eq!(world.count("transactions").await, 2);
}

#[tokio::test]
async fn an_adapter_that_traps_costs_its_record_a_wait_and_nothing_else() {
    Box::pin(check_hostile("trapping", testkit::trapping(), "trapped")).await;
}

#[tokio::test]
async fn an_adapter_that_never_returns_costs_its_record_a_wait_and_nothing_else() {
    Box::pin(check_hostile("spinning", testkit::spinning(), "")).await;
}

#[tokio::test]
async fn an_adapter_that_answers_a_gigabyte_costs_its_record_a_wait_and_nothing_else() {
    Box::pin(check_hostile("gigabyte", testkit::gigabyte(), "returned too much")).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_is_held_alone() {
    let mut world = World::new().await;
    let now = world.now();
    world.source.push(RecordKind::Inbound.byte(), now, vec![9, 9, 9]);
    let click = world.click(2);
    let row = world.postback(&format!("order_id=a&click_id={click}&amount=100")).await;
    assert_eq!(end_of(&row), "converted");
    let mut tx = world.store.read(TenantId(0)).await.expect("a read");
    let held = tx.inbound().held_by_adapter(world.now() + Duration::from_secs(1), 10).await;
    let held = held.expect("rows");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].body.as_deref(), Some(&[9, 9, 9][..]));
}

#[tokio::test]
async fn a_failing_rule_holds_and_posts() {
    let mut world = World::new().await;
    let broken = format!(
        "INSERT INTO rules VALUES ('{TENANT}', 'velocity', 'active', '{{\"limit\":\"many\"}}', 0)"
    );
    world.store.tamper(&[&broken]).await.expect("a row");
    let click = world.click(2);
    let row = world.postback(&format!("order_id=a&click_id={click}&amount=100")).await;
    assert_eq!(end_of(&row), "held rule:velocity");
    assert_eq!(world.balance(BOTA).await.pending, 800);
    let off = "UPDATE rules SET state = 'off'";
    world.store.tamper(&[off]).await.expect("a row");
    let row = world.postback(&format!("order_id=b&click_id={click}&amount=100")).await;
    assert_eq!(end_of(&row), "converted");
}

#[tokio::test]
async fn the_sixth_order_of_a_customer_in_a_day_is_held() {
    let mut world = World::new().await;
    let click = world.click(2);
    for order in 1..=4 {
        let query = format!("order_id=o{order}&click_id={click}&amount=100&customer_id=c1");
        assert_eq!(end_of(&world.postback(&query).await), "converted");
    }
    let query = format!("order_id=o5&click_id={click}&amount=100&customer_id=c1");
    assert_eq!(end_of(&world.postback(&query).await), "held rule:velocity");
    let query = format!("order_id=o6&click_id={click}&amount=100&customer_id=c2");
    assert_eq!(end_of(&world.postback(&query).await), "converted");
    let held = world.order("o5").await;
    let verdicts = held.explanation["fraud"].as_array().expect("verdicts");
    assert!(
        verdicts
            .iter()
            .any(|verdict| verdict["rule"] == "velocity" && verdict["verdict"] == "hold")
    );
}

#[tokio::test]
async fn a_reject_verdict_posts_nothing() {
    let mut world = World::new().await;
    let strict = format!(
        "INSERT INTO rules VALUES ('{TENANT}', 'velocity', 'active', \
         '{{\"limit\":1,\"decision\":\"reject\"}}', 0)"
    );
    world.store.tamper(&[&strict]).await.expect("a row");
    let click = world.click(2);
    let row =
        world.postback(&format!("order_id=a&click_id={click}&amount=100&customer_id=c1")).await;
    assert_eq!(end_of(&row), "rejected rule:velocity");
    assert_eq!(world.count("transactions").await, 0);
    let row = world.postback("order_id=a&amount=200").await;
    assert_eq!(end_of(&row), "updated");
    assert_eq!(world.balance(BOTA).await.pending, 0);
    let rejected = world.order("a").await;
    let approved = world.settle.desk().approve(TENANT, rejected.id, REVIEWER).await.expect("open");
    assert_eq!(approved.split.charge.minor, 2_000);
    assert_eq!(world.balance(BOTA).await.pending, 1_600);
}

#[tokio::test]
async fn processing_again_does_nothing_twice_and_mends_what_was_unmatched() {
    let mut world = World::new().await;
    let click = world.click(2);
    let sold = world.postback(&format!("order_id=a&click_id={click}&amount=100")).await;
    let again = world.pipeline.reprocess(TENANT, sold.event).await.expect("known");
    assert_eq!(again.outcome.as_str(), "converted");
    assert_eq!(world.balance(BOTA).await.pending, 800);
    let lost = world.postback("order_id=b&ref_code=late&amount=100").await;
    assert_eq!(end_of(&lost), "unmatched unknown_ref_code");
    let link = "UPDATE links SET slug = 'late' WHERE number = 4";
    world.store.tamper(&[link]).await.expect("a row");
    let again = world.pipeline.reprocess(TENANT, lost.event).await.expect("known");
    assert_eq!(again.outcome.as_str(), "converted");
    assert_eq!(world.balance(BOTA).await.pending, 1_600);
    assert_eq!(world.ended(lost.event).await.attempts, 2);
    let mut tx = world.store.read(TENANT).await.expect("a read");
    assert_eq!(tx.unmatched().open(world.now()).await.expect("counts"), []);
}

#[tokio::test]
async fn a_claim_that_is_read_differently_replaces_what_it_said() {
    let mut world = World::new().await;
    let click = world.click(2);
    let query = format!("order_id=a&zakaz=z&click_id={click}&amount=100&summa=300");
    let sold = world.postback(&query).await;
    let read_as = |names: &str| {
        format!(
            "UPDATE integrations SET config = '{{\"names\":{names}}}' WHERE id = '{SHOP_POSTBACK}'"
        )
    };
    // Another amount for the same order.
    world.store.tamper(&[&read_as(r#"{"amount":["summa"]}"#)]).await.expect("a row");
    for _ in 0..2 {
        world.pipeline.reprocess(TENANT, sold.event).await.expect("known");
        assert_eq!(world.balance(BOTA).await.pending, 2_400);
        assert_eq!(world.order("a").await.revision, 1);
    }
    // Another order.
    let names = r#"{"amount":["summa"],"order_ref":["zakaz"]}"#;
    world.store.tamper(&[&read_as(names)]).await.expect("a row");
    for _ in 0..2 {
        world.pipeline.reprocess(TENANT, sold.event).await.expect("known");
        assert_eq!(world.balance(BOTA).await.pending, 2_400);
        assert_eq!(world.order("a").await.reason.as_deref(), Some("replaced"));
        assert_eq!(world.order("z").await.split.charge.minor, 3_000);
    }
    assert_eq!(world.ended(sold.event).await.conversion, Some(world.order("z").await.id));
}

#[tokio::test]
async fn a_rehearsal_writes_nothing() {
    let mut world = World::new().await;
    let click = world.click(2);
    let inbound = world.inbound(SHOP_POSTBACK, &format!("order_id=a&click_id={click}&amount=100"));
    let rehearsal = Box::pin(world.pipeline.rehearse(inbound)).await.expect("a rehearsal");
    assert_eq!(rehearsal.outcome.as_str(), "converted");
    assert_eq!(rehearsal.claims[0]["order_ref"], "a");
    assert_eq!(rehearsal.explanation.expect("one")["rule"], "click_id");
    assert_eq!(world.count("inbound").await, 0);
    assert_eq!(world.count("conversions").await, 0);
}
