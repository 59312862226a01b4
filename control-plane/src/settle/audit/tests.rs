//! Each check has its own mutation: one row changed behind the back of the code, and exactly that
//! check is not zero.

use std::time::Duration;

use model::id::EventId;
use model::id::TenantId;
use model::wire;

use super::Accepted;
use super::Evidence;
use super::run;
use crate::pipeline::tests::world::DAY;
use crate::pipeline::tests::world::TENANT;
use crate::pipeline::tests::world::World;

/// The records of the world's memory, as a journal would tell of them.
struct Records {
    last_seq: u64,
    events: Vec<(TenantId, EventId)>,
}

impl Evidence for Records {
    fn accepted(&self) -> Vec<Accepted> {
        let (topic, part) = ("journal-1".to_owned(), "inbound".to_owned());
        let Self { last_seq, .. } = *self;
        vec![Accepted { topic, part, last_seq, settled_seq: last_seq, missing: 0 }]
    }

    fn sampled(&self) -> Vec<(TenantId, EventId)> {
        self.events.clone()
    }
}

fn records(world: &World) -> Records {
    let records = world.source.records();
    let events = records.iter().filter_map(|record| {
        let inbound = wire::decode_inbound(&record.payload).ok()?;
        Some((inbound.tenant, inbound.event_id))
    });
    let last_seq = records.last().map_or(0, |record| record.seq);
    Records { last_seq, events: events.collect() }
}

/// The checks that are not zero.
async fn wrong(world: &World) -> Vec<(&'static str, i64)> {
    let checks = run(&world.store, &records(world)).await.expect("checks");
    assert_eq!(checks.len(), 12);
    let wrong = checks.iter().filter(|check| check.value != 0);
    wrong.map(|check| (check.check, check.value)).collect()
}

/// A world in which everything has happened once: pending, released, taken back before and after, a
/// tax that the gross could not cover.
async fn lived() -> World {
    let mut world = World::new().await;
    let click = world.click(1);
    for (order, amount) in [("early", 1000), ("late", 2000), ("back", 3000)] {
        let query = format!("order_id={order}&click_id={click}&amount={amount}&status=approved");
        world.postback(&query).await;
    }
    world.clock.advance(15 * DAY);
    world.settle.release_due().await.expect("a run");
    world.postback("order_id=back&status=returned").await;
    world.postback("order_id=late&status=partial&amount=500").await;
    world.postback(&format!("order_id=new&click_id={click}&amount=700&status=approved")).await;
    world.postback(&format!("order_id=gone&click_id={click}&amount=800&status=pending")).await;
    world.postback("order_id=gone&status=rejected").await;
    world.store.tamper(&["UPDATE campaigns SET fee_bp = 9500"]).await.expect("a row");
    world.postback(&format!("order_id=dear&click_id={click}&amount=900&status=approved")).await;
    world.clock.advance(Duration::from_mins(2));
    world
}

#[tokio::test]
async fn a_world_that_lived_has_nothing_wrong() {
    let world = Box::pin(lived()).await;
    assert_eq!(wrong(&world).await, []);
    assert_eq!(world.count("cases").await, 1);
    assert!(world.accounts().await.contains(&"suspense/tenant/KZT -450".to_owned()));
}

#[tokio::test]
async fn each_mutation_turns_exactly_its_own_check() {
    for (check, statements) in mutations(Box::pin(lived()).await.store.is_postgres()) {
        let world = Box::pin(lived()).await;
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        assert_ne!(world.store.tamper(&statements).await.expect(check), 0, "{check}");
        let found: Vec<&str> = wrong(&world).await.iter().map(|(check, _)| *check).collect();
        assert_eq!(found, [check]);
    }
}

fn drop_trigger(is_postgres: bool, table: &str) -> String {
    let on = if is_postgres { format!(" ON {table}") } else { String::new() };
    format!("DROP TRIGGER {table}_never_change{on}")
}

/// What nobody may do, by the check that must notice it.
fn mutations(is_postgres: bool) -> Vec<(&'static str, Vec<String>)> {
    let drop_trigger = |table: &str| drop_trigger(is_postgres, table);
    let no_checks = if is_postgres {
        "ALTER TABLE accounts DROP CONSTRAINT accounts_check"
    } else {
        "PRAGMA ignore_check_constraints = ON"
    };
    let no_hash = "00".repeat(32);
    let pending = "(SELECT account FROM accounts WHERE kind = 'publisher_pending')";
    vec![
        (
            "A1",
            vec![
                drop_trigger("postings"),
                "UPDATE postings SET currency = 'USD' WHERE position = 0 AND transaction_id = \
                 (SELECT MIN(transaction_id) FROM postings)"
                    .to_owned(),
            ],
        ),
        ("A2", vec![format!("UPDATE accounts SET currency = 'USD' WHERE account = {pending}")]),
        (
            "A3",
            vec![format!(
                "UPDATE accounts SET balance_minor = balance_minor + 1 WHERE account = {pending}"
            )],
        ),
        (
            "A4",
            vec![
                no_checks.to_owned(),
                "UPDATE accounts SET kind = 'publisher_available' WHERE kind = 'suspense'"
                    .to_owned(),
            ],
        ),
        (
            "A5",
            vec!["UPDATE conversions SET order_ref = 'new' WHERE order_ref = 'gone'".to_owned()],
        ),
        ("A6", vec!["DELETE FROM inbound WHERE seq = 2".to_owned()]),
        (
            "A7",
            vec![format!("UPDATE accounts SET kind = 'payout_clearing' WHERE account = {pending}")],
        ),
        (
            "A8",
            vec![format!(
                "INSERT INTO payouts VALUES ('{TENANT}', 'pay_1', 'run_1', 'pub_1', 'file', \
                 'paid', 1, 'KZT', '', 'pay_1', '', 'txn_1', NULL, NULL, 1, 0, NULL, 0, NULL, 0, 0)"
            )],
        ),
        (
            "A9",
            vec![
                drop_trigger("transactions"),
                format!(
                    "UPDATE transactions SET hash = x'{no_hash}' WHERE seq = (SELECT MAX(seq) \
                     FROM transactions)"
                ),
            ],
        ),
        ("A10", vec![format!("INSERT INTO reversals VALUES ('{TENANT}', 'txn_1', 'txn_2')")]),
        (
            "A11",
            vec!["DELETE FROM inbox WHERE event_id = (SELECT MIN(event_id) FROM inbox)".to_owned()],
        ),
        (
            "A12",
            vec!["UPDATE conversions SET tax_rates = '[]' WHERE order_ref = 'early'".to_owned()],
        ),
    ]
}

#[tokio::test]
async fn an_accepted_inbound_that_never_ended_is_missed() {
    let mut world = Box::pin(lived()).await;
    let lost = world.inbound(crate::pipeline::tests::world::SHOP_POSTBACK, "order_id=x&amount=1");
    world.source.push_inbound(&lost);
    assert_eq!(wrong(&world).await, [("A6", 1), ("A11", 1)]);
}

#[tokio::test]
async fn the_schema_refuses_what_the_code_never_does() {
    let world = Box::pin(lived()).await;
    let transaction = "(SELECT MIN(id) FROM transactions)";
    for statement in [
        "UPDATE postings SET amount_minor = 1",
        "DELETE FROM postings",
        "UPDATE transactions SET memo = ''",
        "DELETE FROM transactions",
        "UPDATE ledger_commands SET body = ''",
        "DELETE FROM ledger_commands",
        "INSERT OR REPLACE INTO ledger_commands SELECT * FROM ledger_commands",
        "INSERT OR REPLACE INTO postings SELECT * FROM postings",
        &format!(
            "INSERT INTO postings SELECT tenant_id, {transaction}, 99, account, side, 1, currency \
             FROM postings LIMIT 1"
        ),
        "INSERT INTO postings SELECT tenant_id, 'txn_open', 0, account, side, 1, currency FROM \
         postings LIMIT 1",
        "INSERT INTO transactions SELECT tenant_id, 'txn_new', seq + 1000, NULL, NULL, NULL, '', \
         0, hash, hash FROM transactions LIMIT 1",
        "UPDATE accounts SET balance_minor = -1 WHERE kind = 'publisher_pending'",
        "INSERT INTO business_keys SELECT * FROM business_keys LIMIT 1",
        "INSERT INTO inbox SELECT * FROM inbox LIMIT 1",
    ] {
        assert!(world.store.tamper(&[statement]).await.is_err(), "{statement}");
    }
    assert_eq!(wrong(&world).await, []);
}
