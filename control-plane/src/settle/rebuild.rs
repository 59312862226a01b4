//! The ledger rebuilt from its commands alone, and compared entry for entry with the one that
//! stands: transactions, postings and balances.

use ledger::Account;
use ledger::Balances;
use ledger::Book;
use model::id::TenantId;
use store::error::StoreResult;
use store::unit::Store;

use super::audit::transaction_of;

/// Commands folded at a time.
const COMMANDS_PER_STEP: u32 = 500;
/// Differences that are named; the rest are counted.
const NAMED_MAX: usize = 20;

/// What came of a rebuild.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Commands that were folded.
    pub commands: u64,
    /// Accounts that were compared.
    pub accounts: u64,
    /// How many entries differ.
    pub differences: u64,
    /// The first of them, for people.
    pub named: Vec<String>,
}

impl Rebuilt {
    fn differs(&mut self, tenant: TenantId, what: &str) {
        self.differences += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(format!("{tenant} {what}"));
        }
    }
}

/// Folds all commands of every tenant into fresh books and compares.
///
/// # Errors
/// [`store::error::StoreError`] when rows cannot be read.
pub async fn rebuild(store: &Store) -> StoreResult<Rebuilt> {
    let mut tx = store.read_sys().await?;
    let tenants = tx.audit().tenants().await?;
    tx.cancel().await?;
    let mut rebuilt = Rebuilt::default();
    for tenant in tenants {
        Box::pin(of_tenant(store, tenant, &mut rebuilt)).await?;
    }
    Ok(rebuilt)
}

async fn of_tenant(store: &Store, tenant: TenantId, rebuilt: &mut Rebuilt) -> StoreResult<()> {
    let mut tx = store.read(tenant).await?;
    let mut book = Book::default();
    let mut seq = 0;
    loop {
        let commands = tx.ledger().commands(seq, COMMANDS_PER_STEP).await?;
        let rows = tx.ledger().transactions_after(seq, COMMANDS_PER_STEP).await?;
        if commands.is_empty() && rows.is_empty() {
            break;
        }
        if commands.len() != rows.len() {
            let (found, stored) = (commands.len(), rows.len());
            rebuilt.differs(tenant, &format!("{found} commands, {stored} transactions"));
        }
        for (command, row) in commands.iter().zip(&rows) {
            rebuilt.commands += 1;
            seq = command.seq;
            match book.post(&command.command) {
                Err(error) => rebuilt.differs(tenant, &format!("{seq} does not fit: {error}")),
                Ok(transaction) => {
                    if row.seq != seq || transaction_of(row).as_ref() != Some(&transaction) {
                        rebuilt.differs(tenant, &format!("{seq} is another transaction"));
                    }
                }
            }
        }
        if commands.is_empty() || rows.is_empty() {
            break;
        }
    }
    let stored = tx.ledger().accounts(None).await?;
    for row in &stored {
        rebuilt.accounts += 1;
        let balance = book.balance(&row.account);
        if balance != row.balance_minor {
            let (account, stored) = (&row.account, row.balance_minor);
            rebuilt.differs(tenant, &format!("{account} is {stored}, rebuilt {balance}"));
        }
    }
    let is_stored = |account: &Account| stored.iter().any(|row| row.account == *account);
    for (account, balance) in book.balances() {
        if *balance != 0 && !is_stored(account) {
            rebuilt.differs(tenant, &format!("{account} is missing, rebuilt {balance}"));
        }
    }
    tx.cancel().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::tests::world::DAY;
    use crate::pipeline::tests::world::TENANT;
    use crate::pipeline::tests::world::World;
    use crate::settle::pay::Asked;

    async fn lived() -> World {
        let mut world = World::new().await;
        let click = world.click(1);
        for order in ["A-1", "A-2", "A-3"] {
            let query = format!("click_id={click}&order_id={order}&amount=100&status=approved");
            world.postback(&query).await;
        }
        world.postback("order_id=A-2&status=partial&amount=50").await;
        world.clock.advance(15 * DAY);
        world.settle.release_due().await.expect("a run");
        world.settle.desk().pay(TENANT, &Asked::default(), "key").await.expect("a run");
        world.postback("order_id=A-1&status=returned").await;
        world
    }

    #[tokio::test]
    async fn the_ledger_is_the_fold_of_its_commands() {
        let world = Box::pin(lived()).await;
        let rebuilt = rebuild(&world.store).await.expect("a rebuild");
        assert_eq!((rebuilt.differences, rebuilt.named.len()), (0, 0), "{:?}", rebuilt.named);
        assert!(rebuilt.commands >= 9 && rebuilt.accounts > 5);
    }

    #[tokio::test]
    async fn a_balance_or_a_memo_changed_behind_the_back_is_found() {
        let world = Box::pin(lived()).await;
        let on = if world.store.is_postgres() { " ON transactions" } else { "" };
        world
            .store
            .tamper(&[
                "UPDATE accounts SET balance_minor = balance_minor + 1 WHERE kind = 'fee_earned'",
                &format!("DROP TRIGGER transactions_never_change{on}"),
                "UPDATE transactions SET memo = 'else' WHERE seq = 2",
            ])
            .await
            .expect("rows");
        let rebuilt = rebuild(&world.store).await.expect("a rebuild");
        assert_eq!(rebuilt.differences, 2, "{:?}", rebuilt.named);
    }
}
