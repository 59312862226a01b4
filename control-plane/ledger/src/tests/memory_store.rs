//! What a database holds for the ledger, with the rules it would enforce, counted on its own.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::id::TransactionId;

use crate::{Account, AccountKind, Balances, Command, Position, Posting, Side, Transaction};

use super::simulation::{CURRENCIES, Fault};

/// What a store holds, and no more: balances, positions, and the rows it can never change.
#[derive(Default)]
pub(super) struct Store {
    pub(super) balances: BTreeMap<Account, i64>,
    pub(super) positions: HashMap<u128, Position>,
    pub(super) rows: Vec<Entry>,
    /// Positions that conversions had at some time.
    pub(super) passed: Vec<(u128, Position)>,
    /// By accrual: charge posted, charge taken back.
    charged: HashMap<TransactionId, (i64, i64)>,
}

/// One line of the story in ledger order.
pub(super) enum Entry {
    /// A stored command and its transaction.
    Posted { command: String, transaction: Transaction },
    /// A transaction of another part of the program.
    Foreign(Transaction),
    /// A command that came late or twice, which a book must refuse at this point.
    Stale(Box<Command>),
}

/// Shows a command only the accounts that it announced.
pub(super) struct View<'a> {
    pub(super) balances: &'a BTreeMap<Account, i64>,
    pub(super) announced: &'a BTreeSet<Account>,
    pub(super) strayed: Cell<bool>,
}

impl Balances for View<'_> {
    fn balance(&self, account: &Account) -> i64 {
        self.strayed.set(self.strayed.get() || !self.announced.contains(account));
        self.balances.balance(account)
    }
}

impl Store {
    /// How many transactions were saved.
    pub(super) fn transactions(&self) -> usize {
        self.rows.iter().filter(|entry| !matches!(entry, Entry::Stale(_))).count()
    }

    /// Saves a transaction under the rules that a database would hold.
    pub(super) fn save(
        &mut self,
        command: Option<&Command>,
        transaction: Transaction,
    ) -> Result<(), Fault> {
        Self::balanced(&transaction)?;
        for posting in &transaction.postings {
            let kind = posting.account.kind();
            let balance = self.balances.entry(posting.account).or_default();
            *balance += posting.change();
            if *balance < 0 && !kind.may_go_below_zero() {
                return Err(format!("{} is below zero", posting.account));
            }
            if kind == AccountKind::AdvertiserReceivable {
                self.charge(&transaction, posting)?;
            }
        }
        if let Some(origin) = transaction.reverses {
            let (posted, taken) = self.charged[&origin];
            if posted != taken {
                return Err(format!("{} leaves a rest of its accrual", transaction.memo));
            }
        }
        self.rows.push(match command {
            Some(command) => Entry::Posted { command: command.encode(), transaction },
            None => Entry::Foreign(transaction),
        });
        Ok(())
    }

    /// Counted again here, apart from the ledger's own check.
    fn balanced(transaction: &Transaction) -> Result<(), Fault> {
        for currency in CURRENCIES {
            let sum = |side| -> i128 {
                let postings = transaction.postings.iter();
                let of_side = postings
                    .filter(|posting| posting.side == side)
                    .filter(|posting| posting.account.currency() == currency);
                of_side.map(|posting| i128::from(posting.amount_minor)).sum()
            };
            let (debits, credits) = (sum(Side::Debit), sum(Side::Credit));
            if debits != credits {
                return Err(format!("debits {debits} and credits {credits} differ"));
            }
        }
        Ok(())
    }

    fn charge(&mut self, transaction: &Transaction, posting: &Posting) -> Result<(), Fault> {
        let origin = transaction.reverses.or(transaction.amends).unwrap_or(transaction.id);
        let (posted, taken) = self.charged.entry(origin).or_default();
        match posting.side {
            Side::Debit => *posted += posting.amount_minor,
            Side::Credit => *taken += posting.amount_minor,
        }
        if taken > posted { Err("more was reversed than posted".to_owned()) } else { Ok(()) }
    }
}
