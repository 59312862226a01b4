//! What the ledger checks read: nothing in books that are right, and each wrong row in exactly the
//! check that is for it.

use model::id::EventId;
use model::outcome::Outcome;

use super::NOW;
use super::OWN;
use super::books::accrual;
use super::books::post;
use super::books::reversal;
use super::flow::inbound;
use super::on_both;
use super::sums::conversion;
use crate::audit::NOBODY;
use crate::offsets::Partition;
use crate::unit::Engine;
use crate::unit::Store;

on_both!(
    books_that_are_right_show_nothing,
    each_wrong_row_shows_in_its_own_check,
    records_that_nobody_could_read_are_counted,
    events_that_the_inbox_does_not_know_are_found,
);

async fn live(store: &Store) {
    let first = accrual(OWN, 1, 100_000);
    post(store, OWN, &[first.clone(), accrual(OWN, 2, 50_000)]).await;
    post(store, OWN, &[reversal(&first, 50)]).await;
    let mut tx = store.begin_batch().await.expect("begins");
    let rows = [conversion(OWN, 1), conversion(OWN, 2)];
    tx.conversions(OWN).save(&rows.iter().collect::<Vec<_>>()).await.expect("saves");
    tx.save().await.expect("saves");
}

/// Which looks find something.
async fn found(store: &Store) -> Vec<&'static str> {
    let mut tx = store.read_sys().await.expect("reads");
    let mut audit = tx.audit();
    let looks = [
        ("unbalanced", audit.unbalanced().await.expect("reads")),
        ("trial", audit.trial().await.expect("reads")),
        ("balances", audit.balances().await.expect("reads")),
        ("negative", audit.negative().await.expect("reads")),
        ("doubled", audit.doubled().await.expect("reads")),
        ("reversals", audit.reversals().await.expect("reads")),
        ("clearing", audit.clearing().await.expect("reads")),
        ("references", audit.references().await.expect("reads")),
    ];
    let wrong = looks.iter().filter(|(_, differences)| !differences.is_empty());
    wrong.map(|(name, _)| *name).collect()
}

async fn books_that_are_right_show_nothing(store: &Store) {
    live(store).await;
    assert_eq!(found(store).await, Vec::<&str>::new());
    let mut tx = store.read_sys().await.expect("reads");
    let counts = tx.audit().conversions().await.expect("reads");
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<i64>(), 2);
}

async fn each_wrong_row_shows_in_its_own_check(store: &Store) {
    live(store).await;
    let is_postgres = matches!(store.engine(), Engine::Postgres(_));
    let (unlock, unlocked) = if is_postgres {
        ("ALTER TABLE postings DISABLE TRIGGER USER", "ALTER TABLE postings ENABLE TRIGGER USER")
    } else {
        ("DROP TRIGGER postings_never_change", "SELECT 1")
    };
    let no_checks = if is_postgres {
        "ALTER TABLE accounts DROP CONSTRAINT accounts_check"
    } else {
        "PRAGMA ignore_check_constraints = ON"
    };
    let one_posting = "UPDATE postings SET currency = 'USD' WHERE position = 0 \
                       AND transaction_id = (SELECT MIN(transaction_id) FROM postings)";
    let back = one_posting.replace("'USD'", "'KZT'");
    let pending = "kind = 'publisher_pending'";
    let change = |what: &str| format!("UPDATE accounts SET {what} WHERE {pending}");
    for (check, does, undoes) in [
        ("unbalanced", vec![unlock, one_posting], vec![back.as_str(), unlocked]),
        ("trial", vec![&*change("currency = 'USD'")], vec![&*change("currency = 'KZT'")]),
        (
            "balances",
            vec![&*change("balance_minor = balance_minor + 1")],
            vec![&*change("balance_minor = balance_minor - 1")],
        ),
        (
            "clearing",
            vec![&*change("kind = 'payout_clearing'")],
            vec!["UPDATE accounts SET kind = 'publisher_pending' WHERE kind = 'payout_clearing'"],
        ),
        (
            "doubled",
            vec!["UPDATE conversions SET order_ref = 'order-1'"],
            vec!["UPDATE conversions SET order_ref = id"],
        ),
        ("references", vec![&*payout("pay_1", "paid", "NULL")], vec!["DELETE FROM payouts"]),
        (
            "references",
            vec![&*payout("pay_1", "paid", "'r'"), &*payout("pay_2", "declined", "'r'")],
            vec!["DELETE FROM payouts"],
        ),
        (
            "reversals",
            vec![&*format!("INSERT INTO reversals VALUES ('{OWN}', 'txn_1', 'txn_2')")],
            vec!["DELETE FROM reversals WHERE reverses = 'txn_1'"],
        ),
        (
            "negative",
            vec![
                no_checks,
                "UPDATE accounts SET kind = 'fee_pending' WHERE kind = 'advertiser_receivable'",
                "UPDATE accounts SET balance_minor = -balance_minor WHERE kind = 'fee_pending' \
                 AND owner <> 'tenant'",
            ],
            vec![],
        ),
    ] {
        store.tamper(&does).await.expect(check);
        let seen = found(store).await;
        // A balance below zero is not the sum of its postings either.
        let expected = if check == "negative" { vec!["balances", "negative"] } else { vec![check] };
        assert_eq!(seen, expected, "{does:?}");
        store.tamper(&undoes).await.expect(check);
    }
}

fn payout(id: &str, state: &str, reference: &str) -> String {
    format!(
        "INSERT INTO payouts VALUES ('{OWN}', '{id}', 'run_1', 'pub_1', 'file', '{state}', 1, \
         'KZT', '', '{id}', '', 'txn_1', {reference}, NULL, 1, 0, NULL, 0, NULL, 0, 0)"
    )
}

async fn records_that_nobody_could_read_are_counted(store: &Store) {
    let mut tx = store.begin_batch().await.expect("begins");
    tx.inbound(OWN).insert(vec![inbound(1, Outcome::Event)]).await.expect("inserts");
    let unread = vec![inbound(2, Outcome::Malformed), inbound(3, Outcome::Refused)];
    tx.inbound(NOBODY).insert(unread).await.expect("inserts");
    tx.save().await.expect("saves");
    let partition = Partition { topic: "journal".to_owned(), part: "inbound".to_owned() };
    let mut tx = store.read_sys().await.expect("reads");
    assert_eq!(tx.audit().outcomes(&partition, 9).await.expect("reads"), 2);
    assert_eq!(tx.audit().outcomes(&partition, 1).await.expect("reads"), 1);
}

async fn events_that_the_inbox_does_not_know_are_found(store: &Store) {
    let mut tx = store.begin_batch().await.expect("begins");
    tx.inbox(OWN).take(&[EventId(1)], NOW).await.expect("takes");
    tx.save().await.expect("saves");
    let mut tx = store.read_sys().await.expect("reads");
    let unknown = tx.audit().unknown(OWN, &[EventId(1), EventId(2)]).await.expect("reads");
    assert_eq!(unknown, [EventId(2)]);
}
