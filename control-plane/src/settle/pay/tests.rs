//! Payouts through a provider that behaves as badly as it may.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::PayoutRunId;
use parking_lot::Mutex;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use store::listing::Reach;
use store::page::PageAsk;
use store::payouts::PayoutFilter;
use store::payouts::PayoutRow;
use store::payouts::PayoutState;
use store::payouts::RunState;

use super::Asked;
use super::PayError;
use super::PayParts;
use super::Resolution;
use super::file;
use super::rail::Egress;
use super::rail::Request;
use super::rail::Response;
use super::rail::SendError;
use super::rail::Sending;
use super::rail::Told;
use super::webhook::WebhookRail;
use crate::pipeline::tests::world::AIGERIM;
use crate::pipeline::tests::world::BOTA;
use crate::pipeline::tests::world::DAY;
use crate::pipeline::tests::world::TENANT;
use crate::pipeline::tests::world::World;
use crate::settle::Desk;
use crate::settle::Settle;
use crate::settle::SettleParts;
use crate::settle::audit;

const FINANCE: &str = "key_finance";
const SECOND: &str = "key_second";

/// A publisher with 700.00 and one with 800.00 available.
async fn earned() -> World {
    let mut world = World::new().await;
    for (link, order) in [(1, "A-1"), (2, "B-1")] {
        let click = world.click(link);
        let query = format!("click_id={click}&order_id={order}&amount=10000&status=approved");
        world.postback(&query).await;
    }
    world.clock.advance(15 * DAY);
    world.settle.release_due().await.expect("a run");
    world
}

/// A settlement of the same world with other ways to pay.
fn paying(world: &World, pay: PayParts) -> Settle {
    let ids = crate::pipeline::IdSource::new(StdRng::seed_from_u64(77));
    let clock = Arc::clone(&world.clock) as Arc<dyn model::clock::Clock>;
    Settle::new(SettleParts { store: world.store.clone(), clock, ids, pay: Arc::new(pay) })
}

async fn payouts(world: &World) -> Vec<PayoutRow> {
    let mut tx = world.store.read(TENANT).await.expect("a read");
    let (filter, page) = (PayoutFilter::default(), PageAsk::first(500));
    tx.payouts().list(&filter, Reach::Tenant, &page).await.expect("payouts").rows
}

async fn is_sound(world: &World) {
    let checks = audit::run(&world.store, &audit::NoEvidence).await.expect("checks");
    for check in checks.iter().filter(|check| !["A6", "A11"].contains(&check.check)) {
        assert_eq!(check.value, 0, "{}: {}", check.check, check.detail);
    }
}

async fn run_id(desk: &Desk) -> (PayoutRunId, usize) {
    let made = desk.pay(TENANT, &Asked::default(), FINANCE).await.expect("a run");
    (made.run.id, made.payouts.len())
}

#[tokio::test]
async fn a_run_reserves_once_and_the_next_one_finds_nothing() {
    let world = earned().await;
    let desk = world.settle.desk();
    let dry = Asked { dry_run: true, ..Asked::default() };
    assert_eq!(desk.pay(TENANT, &dry, FINANCE).await.expect("a look").payouts.len(), 2);
    assert_eq!(world.balance(AIGERIM).await.available, 70_000);
    let (_, count) = run_id(&desk).await;
    assert_eq!(count, 2);
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.available, balance.in_payout), (0, 70_000));
    let (_, count) = run_id(&desk).await;
    assert_eq!(count, 0);
    is_sound(&world).await;
}

#[tokio::test]
async fn less_than_the_minimum_stays_where_it_is() {
    let world = earned().await;
    let asked = Asked { minimum: Some("750.00".to_owned()), ..Asked::default() };
    let made = world.settle.desk().pay(TENANT, &asked, FINANCE).await.expect("a run");
    assert_eq!(made.payouts.len(), 1);
    assert_eq!(made.run.skipped[0]["why"], "below_minimum");
    assert_eq!(made.run.skipped[0]["payee_id"], AIGERIM.to_string());
}

#[tokio::test]
async fn a_large_run_waits_for_a_second_person_who_is_not_the_first() {
    let world = earned().await;
    let pay = PayParts::default().with_second_person_above("1000.00".to_owned());
    let desk = paying(&world, pay).desk();
    let (run, _) = run_id(&desk).await;
    assert!(matches!(desk.bank_file(TENANT, run).await, Err(PayError::NotNow(_))));
    let own = desk.decide_run((TENANT, run), RunState::Approved, FINANCE).await;
    assert!(matches!(own, Err(PayError::SamePerson)));
    desk.decide_run((TENANT, run), RunState::Rejected, SECOND).await.expect("a decision");
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.available, balance.in_payout), (70_000, 0));
    let again = desk.decide_run((TENANT, run), RunState::Approved, SECOND).await;
    assert!(matches!(again, Err(PayError::NotNow(_))));
    is_sound(&world).await;
}

#[tokio::test]
async fn a_bank_file_is_the_same_whenever_it_is_asked_for_and_its_results_count_once() {
    let world = earned().await;
    let desk = world.settle.desk();
    let (run, _) = run_id(&desk).await;
    let text = desk.bank_file(TENANT, run).await.expect("a file");
    assert_eq!(desk.bank_file(TENANT, run).await.expect("a file"), text);
    assert_eq!(text.lines().count(), 3);
    let rows = payouts(&world).await;
    let of = |publisher: model::id::PublisherId| {
        rows.iter().find(|row| row.payee.to_string() == publisher.to_string()).expect("a payout")
    };
    let results = format!(
        "payout_id,status,reference,amount\n{},paid,BANK-1,700.00\n{},declined,,\n",
        of(AIGERIM).id,
        of(BOTA).id
    );
    let lines = file::read_results(&results).expect("results");
    for _ in 0..2 {
        desk.take_results((TENANT, run), &lines, FINANCE).await.expect("taken");
    }
    let balance = world.balance(AIGERIM).await;
    assert_eq!((balance.available, balance.in_payout, balance.paid), (0, 0, 70_000));
    assert_eq!(world.balance(BOTA).await.available, 80_000);
    // What the bank takes back comes back once.
    let back = format!("payout_id,status\n{},returned\n", of(AIGERIM).id);
    let back = file::read_results(&back).expect("results");
    for _ in 0..2 {
        desk.take_results((TENANT, run), &back, FINANCE).await.expect("taken");
    }
    assert_eq!(world.balance(AIGERIM).await.available, 70_000);
    is_sound(&world).await;
}

#[tokio::test]
async fn a_payment_of_another_amount_is_not_believed() {
    let world = earned().await;
    let desk = world.settle.desk();
    let (run, _) = run_id(&desk).await;
    let rows = payouts(&world).await;
    let results = format!(
        "payout_id,status,reference,amount\n{},paid,BANK-1,1.00\n{},paid,BANK-2,\n",
        rows[0].id, rows[1].id
    );
    let lines = file::read_results(&results).expect("results");
    desk.take_results((TENANT, run), &lines, FINANCE).await.expect("taken");
    let rows = payouts(&world).await;
    assert_eq!((rows[0].state, rows[1].state), (PayoutState::Unknown, PayoutState::Paid));
    assert_eq!(world.count("cases").await, 1);
    // A reference that another payout has proves nothing.
    let resolution = |reference: &str| Resolution {
        told: Told::Paid { reference: reference.to_owned(), amount: None },
        evidence: "bank statement, page 3".to_owned(),
        by: SECOND.to_owned(),
    };
    let named = (TENANT, rows[0].id);
    let row = desk.resolve(named, resolution("BANK-2")).await.expect("a case");
    assert_eq!(row.state, PayoutState::Unknown);
    let row = desk.resolve(named, resolution("BANK-1")).await.expect("settled");
    assert_eq!((row.state, row.resolved_by.as_deref()), (PayoutState::Paid, Some(SECOND)));
    assert!(matches!(desk.resolve(named, resolution("X")).await, Err(PayError::NotNow(_))));
    is_sound(&world).await;
}

/// A provider that pays at most once per id and tells what it likes.
#[derive(Debug)]
struct Worst {
    rng: Mutex<StdRng>,
    /// By id: how often it has paid.
    paid: Mutex<HashMap<String, u32>>,
    is_idempotent: bool,
}

impl Worst {
    fn new(seed: u64, is_idempotent: bool) -> Arc<Self> {
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        Arc::new(Self { rng, paid: Mutex::default(), is_idempotent })
    }

    fn answer(&self, request: &Request) -> Result<Response, SendError> {
        let luck = self.rng.lock().random_range(0..10_u32);
        let header = |name: &str| request.headers.iter().find(|(found, _)| found == name);
        let id = header("webhook-id").expect("an id").1.clone();
        let mut paid = self.paid.lock();
        let lost = || Err(SendError::Lost("cut".to_owned()));
        let said = |status: u16, word: &str| {
            let body = json!({"id": id, "status": word, "reference": format!("ref-{id}")});
            Ok(Response { status, body: body.to_string() })
        };
        if request.method == "POST" {
            match luck {
                0 => return Err(SendError::NotSent("refused".to_owned())),
                1 => return said(422, "declined"),
                // The request is lost on its way.
                2 => return lost(),
                _ => {}
            }
            let count = paid.entry(id.clone()).or_default();
            if *count == 0 || !self.is_idempotent {
                *count += 1;
            }
            return match luck {
                3 => lost(),
                4 => said(500, "error"),
                5 => said(200, "accepted"),
                6 => Ok(Response { status: 200, body: "<html>".to_owned() }),
                _ => said(200, "paid"),
            };
        }
        match (luck, paid.contains_key(&id)) {
            (0..=2, _) => lost(),
            (3, _) => said(404, "not_found"),
            (4, true) => said(200, "accepted"),
            (_, true) => said(200, "paid"),
            (_, false) => said(200, "unknown"),
        }
    }
}

impl Egress for Worst {
    fn send(&self, request: Request) -> Sending<'_> {
        let answer = self.answer(&request);
        Box::pin(std::future::ready(answer))
    }
}

fn webhook(worst: &Arc<Worst>) -> PayParts {
    let rail = WebhookRail {
        url: "http://provider.example/pay".to_owned(),
        secret: b"secret".to_vec(),
        is_idempotent: worst.is_idempotent,
    };
    PayParts::default().with_rail(Arc::new(rail)).with_egress(Arc::clone(worst) as Arc<dyn Egress>)
}

/// Pays a run through the worst provider until nothing changes any more.
async fn pay_through(world: &World, worst: &Arc<Worst>) {
    let settle = paying(world, webhook(worst));
    let asked = Asked { rail: Some("webhook".to_owned()), ..Asked::default() };
    settle.desk().pay(TENANT, &asked, FINANCE).await.expect("a run");
    for _ in 0..40 {
        settle.send_due().await.expect("a run");
        world.clock.advance(Duration::from_mins(20));
    }
}

/// Gives the publishers destinations, so that a rail may pay them.
async fn reachable(world: &World) {
    let payout = r#"{"rail":"webhook","destination":"KZ86125KZT5004100100"}"#;
    let sql = format!("UPDATE publishers SET payout = '{payout}'");
    world.store.tamper(&[&sql]).await.expect("rows");
}

#[tokio::test]
async fn the_worst_provider_never_pays_twice_and_nothing_unknown_is_released() {
    for seed in 0..12 {
        let world = Box::pin(earned()).await;
        reachable(&world).await;
        let worst = Worst::new(seed, seed % 2 == 0);
        pay_through(&world, &worst).await;
        let paid = worst.paid.lock().clone();
        for row in payouts(&world).await {
            let count = paid.get(&row.request_id).copied().unwrap_or(0);
            assert!(count <= 1, "seed {seed}: {} was paid {count} times", row.id);
            match row.state {
                PayoutState::Paid => assert_eq!(count, 1, "seed {seed}"),
                PayoutState::Declined => assert_eq!(count, 0, "seed {seed}: released and paid"),
                // Still frozen: nobody knows, or it was never sent.
                state => assert!(state.is_open(), "seed {seed}: {state}"),
            }
        }
        is_sound(&world).await;
    }
}

/// A provider that insists on having paid another amount.
#[derive(Debug)]
struct Stubborn;

impl Egress for Stubborn {
    fn send(&self, request: Request) -> Sending<'_> {
        let header = request.headers.iter().find(|(name, _)| name == "webhook-id");
        let id = header.expect("an id").1.clone();
        let body = json!({
            "id": id, "status": "paid", "reference": format!("ref-{id}"),
            "amount": "1.00", "currency": "KZT",
        });
        let answer = Response { status: 200, body: body.to_string() };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[tokio::test]
async fn the_same_difference_told_again_opens_no_second_case() {
    let world = earned().await;
    reachable(&world).await;
    let pay = webhook(&Worst::new(1, true)).with_egress(Arc::new(Stubborn));
    let settle = paying(&world, pay);
    let asked = Asked { rail: Some("webhook".to_owned()), ..Asked::default() };
    settle.desk().pay(TENANT, &asked, FINANCE).await.expect("a run");
    for _ in 0..4 {
        settle.send_due().await.expect("a run");
        world.clock.advance(Duration::from_mins(20));
    }
    // Two payouts: each unknown, and each with a difference.
    assert_eq!(world.count("cases").await, 4);
    assert_eq!(world.balance(AIGERIM).await.in_payout, 70_000);
}

#[tokio::test]
async fn a_worker_that_stopped_while_sending_leaves_an_unknown_payout() {
    let world = earned().await;
    reachable(&world).await;
    let worst = Worst::new(1, false);
    let settle = paying(&world, webhook(&worst));
    let asked = Asked { rail: Some("webhook".to_owned()), ..Asked::default() };
    settle.desk().pay(TENANT, &asked, FINANCE).await.expect("a run");
    world.store.tamper(&["UPDATE payouts SET state = 'sending', sends = 1"]).await.expect("rows");
    settle.send_due().await.expect("a run");
    for row in payouts(&world).await {
        assert_eq!(row.state, PayoutState::Unknown);
    }
    assert!(worst.paid.lock().is_empty(), "nothing is sent again");
    assert_eq!(world.balance(AIGERIM).await.in_payout, 70_000);
    assert_eq!(world.count("cases").await, 2);
}

#[tokio::test]
async fn whoever_owes_is_not_paid_and_an_undeclared_person_is_not_either() {
    let mut world = earned().await;
    let desk = world.settle.desk();
    world
        .store
        .tamper(&["UPDATE publishers SET tax_regime = 'undeclared' WHERE code = 'bota'"])
        .await
        .expect("rows");
    let (_, count) = run_id(&desk).await;
    assert_eq!(count, 1);
    // Its sale comes back after the money has left: it owes.
    world.postback("order_id=A-1&status=returned").await;
    assert_eq!(world.balance(AIGERIM).await.owed, 70_000);
    let made = desk.pay(TENANT, &Asked::default(), FINANCE).await.expect("a run");
    assert!(made.payouts.is_empty());
    assert_eq!(made.run.skipped[0]["why"], "tax_regime_undeclared");
}

#[tokio::test]
async fn whoever_has_passed_the_ceiling_of_their_regime_is_held_with_the_reason() {
    let mut world = World::new().await;
    world
        .store
        .tamper(&["UPDATE publishers SET tax_regime = 'self_employed' WHERE code = 'bota'"])
        .await
        .expect("rows");
    let desk = world.settle.desk();
    for payment in 1..=6 {
        // A gross of 250000.00 after the fee of a fifth.
        let click = world.click(2);
        let query =
            format!("click_id={click}&order_id=C-{payment}&amount=3125000.00&status=approved");
        world.postback(&query).await;
        world.store.tamper(&["UPDATE conversions SET release_at = 0"]).await.expect("rows");
        world.settle.release_due().await.expect("a run");
        let made = desk.pay(TENANT, &Asked::default(), FINANCE).await.expect("a run");
        if payment < 6 {
            assert_eq!(made.payouts[0].amount_minor, 24_000_000, "payment {payment}");
        } else {
            assert!(made.payouts.is_empty());
            assert_eq!(made.run.skipped[0]["why"], "income_above_month_ceiling");
        }
    }
    is_sound(&world).await;
    // The next month has its own.
    world.clock.advance(35 * DAY);
    let made = desk.pay(TENANT, &Asked::default(), FINANCE).await.expect("a run");
    assert_eq!(made.payouts.len(), 1);
}
