//! The ledger in memory: the fold of its commands.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::id::{ConversionId, TransactionId};
use model::money::{Currency, MoneyError};

use crate::account::{Account, Side};
use crate::apply::{Balances, LedgerError, apply};
use crate::command::{Action, Command, Position};
use crate::transaction::Transaction;

/// All balances and positions, rebuilt from nothing but commands. Where a store has its unique
/// keys, the book has the rule that a command starts where its conversion stands.
#[derive(Clone, Debug, Default)]
pub struct Book {
    balances: BTreeMap<Account, i64>,
    positions: HashMap<ConversionId, Position>,
    transactions: HashSet<TransactionId>,
}

/// One currency of a trial balance, in minor units: the sums of the accounts that stand on either
/// side. They are equal, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    pub currency: Currency,
    pub debits: i128,
    pub credits: i128,
}

impl Balances for Book {
    fn balance(&self, account: &Account) -> i64 {
        self.balances.balance(account)
    }
}

impl Book {
    /// Applies a command and keeps its effect. On an error nothing has changed.
    ///
    /// # Errors
    ///
    /// As [`crate::apply()`]; besides, an accrual of what is accrued, a command that does not start
    /// from the conversion's position, and a transaction id that was used before.
    pub fn post(&mut self, command: &Command) -> Result<Transaction, LedgerError> {
        let conversion = command.subject.conversion();
        let known = conversion.and_then(|id| self.positions.get(&id));
        match (command.action.position(), known) {
            (None, Some(_)) if !matches!(command.action, Action::Move(_)) => {
                return Err(LedgerError::AlreadyAccrued);
            }
            (Some(stated), known) if known != Some(stated) => {
                return Err(LedgerError::StalePosition);
            }
            (None | Some(_), _) => {}
        }
        if self.transactions.contains(&command.transaction) {
            return Err(LedgerError::TransactionTwice);
        }
        let transaction = apply(self, command)?;
        let position = command.position_after()?;
        self.record(&transaction)?;
        self.transactions.insert(command.transaction);
        if let Some(conversion) = conversion {
            match position {
                Some(position) => self.positions.insert(conversion, position),
                None => self.positions.remove(&conversion),
            };
        }
        Ok(transaction)
    }

    /// Adds the postings of a transaction that no command of this crate makes.
    ///
    /// # Errors
    ///
    /// A balance that does not fit; then nothing has changed.
    pub fn record(&mut self, transaction: &Transaction) -> Result<(), LedgerError> {
        let mut after = Vec::with_capacity(transaction.postings.len());
        for posting in &transaction.postings {
            let earlier = after.iter().rev().find(|(account, _)| *account == posting.account);
            let before = match earlier {
                Some((_, balance)) => *balance,
                None => self.balance(&posting.account),
            };
            let balance = before.checked_add(posting.change()).ok_or(MoneyError::TooLarge)?;
            after.push((posting.account, balance));
        }
        self.balances.extend(after);
        Ok(())
    }

    /// What a conversion has posted so far.
    pub fn position(&self, conversion: ConversionId) -> Option<&Position> {
        self.positions.get(&conversion)
    }

    /// Every account that was ever posted to, with its balance on its normal side, in key order.
    pub const fn balances(&self) -> &BTreeMap<Account, i64> {
        &self.balances
    }

    /// Debit and credit sums, one row per currency, alphabetically.
    pub fn trial_balance(&self) -> Vec<Trial> {
        let mut rows: BTreeMap<Currency, Trial> = BTreeMap::new();
        for (account, balance) in &self.balances {
            let currency = account.currency();
            let row = rows.entry(currency).or_insert(Trial { currency, debits: 0, credits: 0 });
            let normal = account.kind().normal_side();
            let side = if *balance < 0 { normal.opposite() } else { normal };
            let amount = i128::from(balance.unsigned_abs());
            match side {
                Side::Debit => row.debits = row.debits.saturating_add(amount),
                Side::Credit => row.credits = row.credits.saturating_add(amount),
            }
        }
        rows.into_values().collect()
    }
}

/// Repeats all commands in ledger order on an empty book. The transactions come in the order of
/// the commands, to be compared with the stored ones entry for entry.
///
/// # Errors
///
/// As [`Book::post`], for the first command that does not fit.
pub fn fold<'a>(
    commands: impl IntoIterator<Item = &'a Command>,
) -> Result<(Book, Vec<Transaction>), LedgerError> {
    let mut book = Book::default();
    let mut transactions = Vec::new();
    for command in commands {
        transactions.push(book.post(command)?);
    }
    Ok((book, transactions))
}
