//! Units of work: all or nothing, and one instant.

use super::NOW;
use super::OWN;
use super::books::accrual;
use super::on_both;
use super::shop;
use crate::error::StoreError;
use crate::listing::Reach;
use crate::page::PageAsk;
use crate::unit::Store;

on_both!(
    what_is_not_saved_never_was,
    a_unit_that_only_reads_sees_one_instant,
    a_unit_of_which_a_statement_failed_saves_nothing_after_it,
    a_unit_that_only_reads_shows_what_was_saved_before_it,
    two_batches_never_hold_the_ledger_together,
);

async fn publishers(store: &Store) -> usize {
    let mut tx = store.read(OWN).await.expect("reads");
    let page = PageAsk::first(50);
    tx.publishers().list(None, Reach::Tenant, &page).await.expect("a page").rows.len()
}

async fn what_is_not_saved_never_was(store: &Store) {
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.publishers().insert(&shop::publisher(OWN, 20)).await.expect("inserts");
    drop(tx);
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.publishers().insert(&shop::publisher(OWN, 20)).await.expect("inserts");
    tx.cancel().await.expect("ends");
    assert_eq!(publishers(store).await, 1);
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.publishers().insert(&shop::publisher(OWN, 20)).await.expect("inserts");
    tx.save().await.expect("saves");
    assert_eq!(publishers(store).await, 2);
}

async fn a_unit_that_only_reads_sees_one_instant(store: &Store) {
    let page = PageAsk::first(50);
    let mut tx = store.read(OWN).await.expect("reads");
    let before = tx.publishers().list(None, Reach::Tenant, &page).await.expect("a page");
    let mut writer = store.begin(OWN).await.expect("begins");
    writer.publishers().insert(&shop::publisher(OWN, 21)).await.expect("inserts");
    writer.save().await.expect("saves");
    let after = tx.publishers().list(None, Reach::Tenant, &page).await.expect("a page");
    assert_eq!(before, after);
    assert_eq!(publishers(store).await, 2);
}

async fn a_unit_that_only_reads_shows_what_was_saved_before_it(store: &Store) {
    for number in 30..40 {
        let mut tx = store.begin(OWN).await.expect("begins");
        tx.publishers().insert(&shop::publisher(OWN, number)).await.expect("inserts");
        tx.save().await.expect("saves");
        assert_eq!(publishers(store).await, usize::try_from(number - 28).expect("small"));
    }
}

/// SQLite would take what follows a failed statement, PostgreSQL would answer COMMIT with a
/// rollback and no error. No caller may think that something is saved that is not.
async fn a_unit_of_which_a_statement_failed_saves_nothing_after_it(store: &Store) {
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.publishers().insert(&shop::publisher(OWN, 22)).await.expect("inserts");
    let twice = tx.publishers().insert(&shop::publisher(OWN, 22)).await;
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
    let saved = tx.save().await;
    assert_eq!(publishers(store).await == 2, saved.is_ok(), "{saved:?}");
}

async fn two_batches_never_hold_the_ledger_together(store: &Store) {
    let tasks = tokio_tasks(store);
    for task in tasks {
        task.await.expect("it ends");
    }
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.ledger().head().await.expect("reads").map(|(seq, _)| seq), Some(40));
    drop(tx);
    let mut tx = store.read_sys().await.expect("reads");
    assert_eq!(tx.audit().balances().await.expect("reads"), []);
}

#[expect(clippy::disallowed_methods, reason = "a test has no task tracker")]
fn tokio_tasks(store: &Store) -> Vec<tokio::task::JoinHandle<()>> {
    let task = |writer: u128| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..10 {
                let mut tx = store.begin_batch().await.expect("begins");
                let command = accrual(OWN, 100 + writer * 10 + number, 1_000);
                tx.ledger(OWN).post(&[command], NOW).await.expect("posts");
                tx.save().await.expect("saves");
            }
        })
    };
    (0..4).map(task).collect()
}
