//! What the schema refuses whoever asks, by raw SQL behind the back of the code.

use super::NOW;
use super::OWN;
use super::books::accrual;
use super::books::post;
use super::books::reversal;
use super::on_both;
use crate::error::StoreError;
use crate::unit::Store;

on_both!(
    the_ledger_only_grows,
    nothing_enters_a_sealed_transaction,
    an_unbalanced_transaction_is_refused,
    a_transaction_stands_in_its_chain,
    balances_that_may_not_are_never_below_zero,
    locks_are_taken_once,
);

/// What the schema says to a unit of work of statements.
async fn refused(store: &Store, statements: &[&str]) -> StoreError {
    match store.tamper(statements).await {
        Err(error) => error,
        Ok(changed) => panic!("{changed} rows were changed by {statements:?}"),
    }
}

fn assert_refused(error: &StoreError, why: &str) {
    assert!(matches!(error, StoreError::Refused(text) if text.contains(why)), "{error:?}");
}

async fn the_ledger_only_grows(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100_000)]).await;
    for (statement, table) in [
        ("UPDATE postings SET amount_minor = 1", "postings"),
        ("DELETE FROM postings", "postings"),
        ("UPDATE transactions SET memo = ''", "transactions"),
        ("DELETE FROM transactions", "transactions"),
        ("UPDATE ledger_commands SET body = ''", "ledger commands"),
        ("DELETE FROM ledger_commands", "ledger commands"),
    ] {
        let error = refused(store, &[statement]).await;
        assert_refused(&error, &format!("{table} are append only"));
    }
}

async fn nothing_enters_a_sealed_transaction(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100_000)]).await;
    let both_sides = "INSERT INTO postings SELECT tenant_id, transaction_id, position + 10, \
                      account, CASE side WHEN 'debit' THEN 'credit' ELSE 'debit' END, \
                      amount_minor, \
                      currency FROM postings";
    assert_refused(&refused(store, &[both_sides]).await, "transaction is sealed");
    // Postings that nothing seals fail at the latest when the unit of work ends.
    let unsealed = "INSERT INTO postings SELECT tenant_id, 'txn_open', position, account, side, \
                    amount_minor, currency FROM postings";
    let error = refused(store, &[unsealed]).await;
    assert!(matches!(error, StoreError::Foreign), "{error:?}");
}

/// A transaction that continues the chain.
const NEXT: &str = "INSERT INTO transactions SELECT tenant_id, 'txn_new', seq + 1, NULL, NULL, \
                    NULL, '', at, hash, hash FROM transactions";

async fn an_unbalanced_transaction_is_refused(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100_000)]).await;
    let one_side = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, side, \
                    amount_minor, currency FROM postings WHERE side = 'debit'";
    assert_refused(&refused(store, &[one_side, NEXT]).await, "debits and credits differ");
    let two_currencies = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, \
                          side, 5, CASE side WHEN 'debit' THEN 'KZT' ELSE 'USD' END FROM postings \
                          WHERE position < 2";
    assert_refused(&refused(store, &[two_currencies, NEXT]).await, "debits and credits differ");
    assert_refused(&refused(store, &[NEXT]).await, "transaction has no postings");
    let of_nothing = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, side, \
                      0, currency FROM postings";
    let error = refused(store, &[of_nothing, NEXT]).await;
    assert!(matches!(error, StoreError::Check(_)), "{error:?}");
    // The same pair with its postings is taken: it was these that were refused, not the way.
    let balanced = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, side, \
                    amount_minor, currency FROM postings";
    store.tamper(&[balanced, NEXT]).await.expect("it balances");
}

async fn a_transaction_stands_in_its_chain(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100_000)]).await;
    let postings = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, side, \
                    amount_minor, currency FROM postings";
    let hole = NEXT.replace("seq + 1", "seq + 2");
    assert_refused(&refused(store, &[postings, &hole]).await, "sequence has a hole");
    let broken = NEXT.replace("hash, hash", "previous_hash, hash");
    assert_refused(&refused(store, &[postings, &broken]).await, "hash chain is broken");
}

async fn balances_that_may_not_are_never_below_zero(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100_000)]).await;
    for kind in ["publisher_pending", "fee_pending", "tax_pending"] {
        let sql = format!("UPDATE accounts SET balance_minor = -1 WHERE kind = '{kind}'");
        let error = refused(store, &[&sql]).await;
        assert!(matches!(error, StoreError::Check(_)), "{error:?}");
    }
    let free = "UPDATE accounts SET balance_minor = -1 WHERE kind = 'advertiser_receivable'";
    assert_eq!(store.tamper(&[free]).await.expect("it may"), 1);
}

async fn locks_are_taken_once(store: &Store) {
    let command = accrual(OWN, 1, 100_000);
    post(store, OWN, std::slice::from_ref(&command)).await;
    post(store, OWN, &[reversal(&command, 50)]).await;
    let mut tx = store.begin_batch().await.expect("begins");
    let events = [model::id::EventId(1)];
    tx.inbox(OWN).take(&events, NOW).await.expect("takes");
    tx.save().await.expect("saves");
    for (table, columns) in [
        ("inbox", "inbox.tenant_id, inbox.event_id"),
        ("reversals", "reversals.tenant_id, reversals.reverses"),
    ] {
        let error = refused(store, &[&format!("INSERT INTO {table} SELECT * FROM {table}")]).await;
        assert!(matches!(&error, StoreError::Unique(found) if found == columns), "{error:?}");
    }
}
