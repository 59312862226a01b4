//! A store moved to another engine: every row arrives, and the rules there hold for it.

use model::id::TransactionId;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::Place;
use super::books::accrual;
use super::books::post;
use super::books::reversal;
use super::isolation::fill;
use crate::audit::NOBODY;
use crate::copying::CopyError;
use crate::outcomes::NewOutcome;
use crate::unit::Store;

/// Both tenants with rows of most kinds, more transactions than one batch, and rows of nobody.
async fn live(store: &Store) {
    let mut rng = StdRng::seed_from_u64(3);
    for tenant in [OWN, OTHER] {
        fill(store, tenant).await;
        let mut commands: Vec<_> =
            (2..1_200).map(|number| accrual(tenant, number, 1_000)).collect();
        for command in &mut commands {
            command.transaction = TransactionId::new(NOW, &mut rng);
        }
        post(store, tenant, &commands).await;
        post(store, tenant, &[reversal(&commands[0], 9)]).await;
        let outcome = NewOutcome {
            conversion: model::id::ConversionId(1),
            status: model::conversion::ConversionStatus::Pending,
            body: "{}".to_owned(),
        };
        let mut tx = store.begin_batch().await.expect("begins");
        tx.outcomes(tenant).insert(vec![outcome], NOW).await.expect("inserts");
        let unread = super::flow::inbound(7, model::outcome::Outcome::Malformed);
        if tenant == OWN {
            tx.inbound(NOBODY).insert(vec![unread]).await.expect("inserts");
        }
        tx.save().await.expect("saves");
    }
    store.bootstrap(NOW, &mut rng).await.expect("prepares");
}

async fn copies(source: &Store, target: &Store) {
    live(source).await;
    let mut told = 0;
    let copied = target.copy_from(source, |_| told += 1).await.expect("copies");
    assert_eq!(told, copied.len());
    for table in &copied {
        assert!(table.is_same(), "{table:?}");
    }
    let rows = |name| copied.iter().find(|table| table.name == name).expect(name).source.rows;
    assert_eq!((rows("transactions"), rows("inbound"), rows("outcomes")), (2_400, 3, 2));
    assert_eq!(rows("postings"), 2_400 * 4);
    // Work goes on: the chain, the numbers and the versions continue.
    post(target, OWN, &[accrual(OWN, 5_000, 1_000)]).await;
    let mut tx = target.begin(OWN).await.expect("begins");
    assert_eq!(tx.links().next_number().await.expect("a number").0, 1);
    tx.links().insert(&super::shop::link(OWN, 900)).await.expect("inserts");
    tx.save().await.expect("saves");
    let mut sys = target.read_sys().await.expect("reads");
    let news = sys.catalog_outbox().oldest(500).await.expect("reads");
    assert!(news.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(sys.audit().balances().await.expect("reads"), []);
    // Nothing is merged.
    let again = target.copy_from(source, |_| {}).await;
    assert!(matches!(again, Err(CopyError::NotEmpty("secrets"))), "{again:?}");
}

#[tokio::test]
async fn a_store_moves_from_sqlite_to_postgres() {
    let Some(target) = Place::empty_postgres().await else { return };
    let source = Place::sqlite().await;
    Box::pin(copies(&source.store, &target.store)).await;
    let sql = "SELECT COUNT(*) AS n FROM postings_2026_03";
    let in_month = target.store.peek(sql).await.expect("reads")[0].int("n").expect("a count");
    assert!(in_month > 9_000, "{in_month}");
}

#[tokio::test]
async fn a_store_moves_back_from_postgres_to_sqlite() {
    let Some(source) = Place::postgres().await else { return };
    let target = Place::empty_sqlite().await;
    Box::pin(copies(&source.store, &target.store)).await;
}

#[tokio::test]
async fn one_changed_letter_is_a_difference() {
    let (source, target) = (Place::sqlite().await, Place::empty_sqlite().await);
    // Whatever changes a row on its way shows in the sums, in exactly its table.
    target
        .store
        .tamper(&["CREATE TRIGGER wrong AFTER INSERT ON shoppers BEGIN \
                   UPDATE shoppers SET user_id = user_id || '.' WHERE id = NEW.id; END"])
        .await
        .expect("a trigger");
    let copied = target.store.copy_from(&source.store, |_| {}).await.expect("copies");
    let wrong = copied.iter().filter(|table| !table.is_same()).map(|table| table.name);
    assert_eq!(wrong.collect::<Vec<_>>(), ["shoppers"]);
}
