//! The ledger: posting, balances, chain, reversal; and what the engine itself refuses.

use ledger::Action;
use ledger::Basis;
use ledger::Command;
use ledger::Debtor;
use ledger::Evidence;
use ledger::LedgerError;
use ledger::Parties;
use ledger::TaxBase;
use ledger::TaxRate;
use ledger::Word;
use model::id::ConversionId;
use model::id::TenantId;
use model::id::TransactionId;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::on_both;
use super::shop;
use super::shop::bits;
use crate::ledger::HASH_BYTES;
use crate::ledger::PostError;
use crate::page::PageAsk;
use crate::unit::Store;

on_both!(
    what_is_posted_reads_back_with_its_balances,
    a_chain_has_no_hole_over_batches,
    an_accrual_is_reversed_once,
    a_command_that_does_not_fit_posts_nothing,
    many_commands_are_one_change_of_a_balance,
    tenants_have_chains_of_their_own,
);

pub(super) fn accrual(tenant: TenantId, number: u128, charge_minor: i64) -> Command {
    let parties = Parties {
        debtor: Debtor::Advertiser(shop::advertiser(tenant, 1).id),
        publisher: shop::publisher(tenant, 5).id,
        shopper: None,
    };
    let basis = Basis {
        charge: Money::new(charge_minor, Currency::KZT),
        fee: BasisPoints(2_000),
        share: BasisPoints(0),
        taxes: vec![TaxRate {
            component: Word::parse("ipn").expect("a word"),
            rate: BasisPoints(1_000),
            base: TaxBase::Charge,
        }],
    };
    Command {
        transaction: TransactionId(bits(tenant, number)),
        subject: ConversionId(bits(tenant, number)).into(),
        action: Action::Accrue { parties, basis },
        evidence: Evidence { at: NOW, author: "test".to_owned(), facts: Vec::new() },
    }
}

pub(super) fn reversal(of: &Command, transaction: u128) -> Command {
    let position = of.position_after().expect("it fits").expect("it stands");
    let action = Action::Reverse { position };
    Command { transaction: TransactionId(transaction), action, ..of.clone() }
}

/// Posts commands of one tenant in one unit of work.
pub(super) async fn post(store: &Store, tenant: TenantId, commands: &[Command]) {
    let mut tx = store.begin_batch().await.expect("begins");
    tx.ledger(tenant).post(commands, NOW).await.expect("posts");
    tx.save().await.expect("saves");
}

/// Balances that are not zero, as text.
async fn balances(store: &Store, tenant: TenantId) -> Vec<String> {
    let mut tx = store.read(tenant).await.expect("reads");
    let rows = tx.ledger().accounts(None).await.expect("reads");
    let shown = rows.iter().filter(|row| row.balance_minor != 0);
    let kind = |row: &crate::ledger::AccountRow| row.account.kind().as_str();
    shown.map(|row| format!("{} {}", kind(row), row.balance_minor)).collect()
}

async fn what_is_posted_reads_back_with_its_balances(store: &Store) {
    let command = accrual(OWN, 1, 100_000);
    post(store, OWN, std::slice::from_ref(&command)).await;
    assert_eq!(
        balances(store, OWN).await,
        [
            "advertiser_receivable 100000",
            "fee_pending 20000",
            "publisher_pending 70000",
            "tax_pending 10000",
        ]
    );
    let mut tx = store.read(OWN).await.expect("reads");
    let rows = tx.ledger().transactions(None, &PageAsk::first(9)).await.expect("reads");
    assert_eq!((rows.len(), rows[0].seq, rows[0].postings.len()), (1, 1, 4));
    assert_eq!(rows[0].previous_hash, [0; HASH_BYTES]);
    let commands = tx.ledger().commands(0, 9).await.expect("reads");
    assert_eq!(commands[0].command, command);
    let trial = tx.ledger().trial_balance(None).await.expect("reads");
    assert_eq!((trial[0].debits, trial[0].credits), (100_000, 100_000));
    let before = model::clock::Timestamp(NOW.0 - 1);
    assert!(tx.ledger().trial_balance(Some(before)).await.expect("reads").is_empty());
    let publisher = shop::publisher(OWN, 5).id;
    let balance = tx.ledger().balance(publisher).await.expect("reads");
    assert_eq!(
        (balance[0].pending, balance[0].tax_pending, balance[0].available),
        (70_000, 10_000, 0)
    );
}

async fn a_chain_has_no_hole_over_batches(store: &Store) {
    post(store, OWN, &[accrual(OWN, 1, 100), accrual(OWN, 2, 200)]).await;
    post(store, OWN, &[accrual(OWN, 3, 300)]).await;
    let mut tx = store.read(OWN).await.expect("reads");
    let rows = tx.ledger().transactions_after(0, 9).await.expect("reads");
    let mut previous = [0; HASH_BYTES];
    for (seq, row) in (1..).zip(&rows) {
        assert_eq!((row.seq, row.previous_hash), (seq, previous));
        previous = row.hash;
    }
    assert_eq!(tx.ledger().head().await.expect("reads"), Some((3, previous)));
    let one = tx.ledger().transactions(Some(ConversionId(bits(OWN, 2))), &PageAsk::first(9)).await;
    assert_eq!(one.expect("reads").len(), 1);
}

async fn an_accrual_is_reversed_once(store: &Store) {
    let command = accrual(OWN, 1, 100_000);
    post(store, OWN, std::slice::from_ref(&command)).await;
    post(store, OWN, &[reversal(&command, 50)]).await;
    assert_eq!(balances(store, OWN).await, Vec::<String>::new());
    // Something else is pending, so that the ledger itself would let it through.
    post(store, OWN, &[accrual(OWN, 2, 100_000)]).await;
    let mut tx = store.begin_batch().await.expect("begins");
    let twice = tx.ledger(OWN).post(&[reversal(&command, 51)], NOW).await;
    assert!(
        matches!(twice, Err(PostError::Store(crate::error::StoreError::Unique(_)))),
        "{twice:?}"
    );
    tx.cancel().await.expect("ends");
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.ledger().head().await.expect("reads").map(|(seq, _)| seq), Some(3));
}

async fn a_command_that_does_not_fit_posts_nothing(store: &Store) {
    let missing = accrual(OWN, 9, 100);
    let mut tx = store.begin_batch().await.expect("begins");
    let commands = [accrual(OWN, 1, 100), reversal(&accrual(OWN, 9, 1_000), 50), missing];
    let refused = tx.ledger(OWN).post(&commands, NOW).await;
    let is_below = |error: &PostError| {
        matches!(error, PostError::Ledger { source: LedgerError::BelowZero(_), .. })
    };
    assert!(refused.as_ref().is_err_and(is_below), "{refused:?}");
    tx.save().await.expect("there is nothing to save");
    assert_eq!(balances(store, OWN).await, Vec::<String>::new());
}

async fn many_commands_are_one_change_of_a_balance(store: &Store) {
    let commands: Vec<Command> = (1..=300).map(|number| accrual(OWN, number, 1_000)).collect();
    post(store, OWN, &commands).await;
    post(store, OWN, &(301..=310).map(|number| accrual(OWN, number, 1_000)).collect::<Vec<_>>())
        .await;
    assert_eq!(balances(store, OWN).await[0], "advertiser_receivable 310000");
    let mut tx = store.read_sys().await.expect("reads");
    assert_eq!(tx.audit().balances().await.expect("reads"), []);
}

async fn tenants_have_chains_of_their_own(store: &Store) {
    let mut tx = store.begin_batch().await.expect("begins");
    // Back and forth inside one unit of work: at its end it stands in another tenant.
    for (tenant, number) in [(OWN, 1), (OTHER, 1), (OWN, 2), (OTHER, 2)] {
        tx.ledger(tenant).post(&[accrual(tenant, number, 100)], NOW).await.expect("posts");
    }
    tx.offsets().list().await.expect("reads");
    tx.save().await.expect("saves");
    for tenant in [OWN, OTHER] {
        let mut tx = store.read(tenant).await.expect("reads");
        assert_eq!(tx.ledger().head().await.expect("reads").map(|(seq, _)| seq), Some(2));
    }
}
