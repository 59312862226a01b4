//! A command and the balances it meets become a balanced transaction.
//!
//! Every command is one of two moves. *Restate*: under one stage, old parts become new parts and
//! only the differences are posted, so that repeated partial returns never drift. *Release*: all
//! parts leave their pending accounts for the ones that can be paid, earned or remitted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;

use model::id::PublisherId;
use model::money::{Currency, MoneyError};

use crate::account::{Account, Side};
use crate::command::{Action, Command, Parties, Stage, Step, TaxState};
use crate::moves::Move;
use crate::mutation::Mutation;
use crate::split::{Split, SplitError};
use crate::transaction::{Posting, Transaction, Unbalanced};
use crate::word::Word;

/// Balances of accounts, each counted on its normal side; zero for an account nobody has used.
pub trait Balances {
    fn balance(&self, account: &Account) -> i64;
}

impl Balances for BTreeMap<Account, i64> {
    fn balance(&self, account: &Account) -> i64 {
        self.get(account).copied().unwrap_or_default()
    }
}

impl<H: BuildHasher> Balances for HashMap<Account, i64, H> {
    fn balance(&self, account: &Account) -> i64 {
        self.get(account).copied().unwrap_or_default()
    }
}

/// Why a command gives no transaction. Apart from [`LedgerError::NothingToPost`], which is an
/// answer, each one means that the caller's view of the conversion is wrong or old: read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A charge of zero, or nothing changed: keep the conversion, store no command.
    #[error("nothing to post")]
    NothingToPost,
    #[error("conversion is not {expected}")]
    WrongStage { expected: Stage },
    #[error("what remains is more than there was")]
    ChargeGrows,
    #[error("currency of a conversion changed")]
    CurrencyChanged,
    #[error("there is a shopper's part and no shopper")]
    MissingShopper,
    #[error("account {0} would go below zero")]
    BelowZero(Account),
    #[error("command does not start where the conversion stands")]
    StalePosition,
    #[error("conversion is already accrued")]
    AlreadyAccrued,
    #[error("command moves a conversion's money and is about something else")]
    WrongSubject,
    #[error("advance is above what is pending, or its fee above the advance")]
    AdvanceTooLarge,
    #[error("transaction id is already used")]
    TransactionTwice,
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The transaction of a command. Reads only accounts of [`Command::touches`] and changes nothing.
///
/// # Errors
///
/// See [`LedgerError`].
pub fn apply<S: Balances + ?Sized>(
    balances: &S,
    command: &Command,
) -> Result<Transaction, LedgerError> {
    apply_with(balances, command, Mutation::None)
}

pub(crate) fn apply_with<S: Balances + ?Sized>(
    balances: &S,
    command: &Command,
    mutation: Mutation,
) -> Result<Transaction, LedgerError> {
    let mut draft = Draft { balances, debits: Vec::new() };
    let (mut reverses, mut amends) = (None, None);
    if let Some(step) = command.step(mutation)? {
        match (&command.action, step.from, step.to) {
            (Action::Advance { amount, fee, .. }, ..) => {
                draft.advance(&step, (amount.minor, fee.minor))?;
            }
            (_, Some(Stage::Pending), Some(Stage::Released)) => draft.release(&step)?,
            (_, Some(stage), _) | (_, None, Some(stage)) => draft.restate(&step, stage)?,
            (_, None, None) => {}
        }
        let (begins, ends) = (step.from.is_none(), step.to.is_none());
        reverses = ends.then_some(step.origin);
        amends = (!begins && !ends).then_some(step.origin);
    }
    if let Action::Move(moved) = &command.action {
        draft.carry(moved)?;
        reverses = moved.reverses;
    }
    let transaction = Transaction {
        id: command.transaction,
        conversion: command.subject.conversion(),
        reverses,
        amends,
        memo: format!("{} {}", command.action.as_str(), command.subject),
        postings: draft.postings()?,
    };
    if transaction.postings.is_empty() {
        return Err(LedgerError::NothingToPost);
    }
    transaction.check()?;
    Ok(damaged(transaction, mutation))
}

#[cfg(not(test))]
fn damaged(transaction: Transaction, _: Mutation) -> Transaction {
    transaction
}

#[cfg(test)]
fn damaged(mut transaction: Transaction, mutation: Mutation) -> Transaction {
    if mutation == Mutation::DropPosting {
        transaction.postings.pop();
    }
    transaction
}

/// A transaction being written: what each account is debited (credited when below zero).
struct Draft<'a, S: ?Sized> {
    balances: &'a S,
    debits: Vec<(Account, i64)>,
}

impl<S: Balances + ?Sized> Draft<'_, S> {
    /// Old parts become new parts under one stage.
    fn restate(&mut self, step: &Step, stage: Stage) -> Result<(), MoneyError> {
        let Step { parties, old, new, .. } = step;
        let currency = old.currency();
        let receivable = Account::receivable(parties.debtor, currency);
        self.debit(receivable, difference(new.charge.minor, old.charge.minor)?)?;
        self.credit(fee_account(stage, currency), difference(new.fee.minor, old.fee.minor)?)?;
        let shopper = difference(new.shopper.minor, old.shopper.minor)?;
        self.credit_shopper(parties, stage, currency, shopper)?;
        for component in components(step) {
            let (old, new) = (tax_of(old, component), tax_of(new, component));
            let withheld = difference(new.withheld, old.withheld)?;
            let shortfall = difference(new.shortfall, old.shortfall)?;
            let suspense = Account::suspense(currency);
            match step.tax {
                TaxState::Held => {
                    let account = tax_account(stage, parties.publisher, component, currency);
                    self.credit(account, withheld)?;
                    self.credit(tenant_tax_account(stage, component, currency), shortfall)?;
                    self.debit(suspense, shortfall)?;
                }
                // The state has the shortfall too: its suspense stays open and is joined here.
                TaxState::Remitted => self.credit(suspense, withheld)?,
            }
        }
        let net = difference(new.net.minor, old.net.minor)?;
        let available = Account::publisher_available(parties.publisher, currency);
        let owed = Account::publisher_owed(parties.publisher, currency);
        match stage {
            Stage::Pending => {
                self.credit(Account::publisher_pending(parties.publisher, currency), net)?;
                // What was advanced on money that is gone is taken back.
                let gone = difference(step.advanced_from, step.advanced_to)?;
                if gone == 0 {
                    return Ok(());
                }
                self.credit(Account::advance_receivable(parties.publisher, currency), gone)?;
                self.entitle(available, owed, difference(0, gone)?)
            }
            Stage::Released => self.entitle(available, owed, net),
        }
    }

    /// A part of what is pending is paid now.
    fn advance(&mut self, step: &Step, (amount, fee): (i64, i64)) -> Result<(), MoneyError> {
        let (publisher, currency) = (step.parties.publisher, step.old.currency());
        self.debit(Account::advance_receivable(publisher, currency), amount)?;
        self.credit(Account::fee_earned(currency), fee)?;
        let available = Account::publisher_available(publisher, currency);
        let owed = Account::publisher_owed(publisher, currency);
        self.entitle(available, owed, difference(amount, fee)?)
    }

    /// A movement's own lines.
    fn carry(&mut self, moved: &Move) -> Result<(), MoneyError> {
        for leg in &moved.legs {
            match leg.owed().filter(|_| moved.kind.settles_debt()) {
                Some(owed) => self.entitle(leg.account, owed, leg.credit_minor)?,
                None => self.credit(leg.account, leg.credit_minor)?,
            }
        }
        Ok(())
    }

    /// Pending parts become payable, earned and withheld ones.
    fn release(&mut self, step: &Step) -> Result<(), MoneyError> {
        let Step { parties, old, new, .. } = step;
        let currency = old.currency();
        let publisher = parties.publisher;
        self.debit(fee_account(Stage::Pending, currency), old.fee.minor)?;
        for component in components(step) {
            let due = tax_of(old, component);
            let account = tax_account(Stage::Pending, publisher, component, currency);
            self.debit(account, due.withheld)?;
            self.debit(tenant_tax_account(Stage::Pending, component, currency), due.shortfall)?;
        }
        if let Some(shopper) = parties.shopper {
            self.debit(Account::shopper_pending(shopper, currency), old.shopper.minor)?;
        }
        self.debit(Account::publisher_pending(publisher, currency), old.net.minor)?;

        self.credit(fee_account(Stage::Released, currency), new.fee.minor)?;
        for component in components(step) {
            let (estimate, due) = (tax_of(old, component), tax_of(new, component));
            let account = tax_account(Stage::Released, publisher, component, currency);
            self.credit(account, due.withheld)?;
            self.credit(tenant_tax_account(Stage::Released, component, currency), due.shortfall)?;
            let grown = difference(due.shortfall, estimate.shortfall)?;
            self.debit(Account::suspense(currency), grown)?;
        }
        self.credit_shopper(parties, Stage::Released, currency, new.shopper.minor)?;
        let available = Account::publisher_available(publisher, currency);
        self.credit(Account::advance_receivable(publisher, currency), step.advanced_from)?;
        let rest = difference(new.net.minor, step.advanced_from)?;
        self.entitle(available, Account::publisher_owed(publisher, currency), rest)
    }

    fn credit_shopper(
        &mut self,
        parties: &Parties,
        stage: Stage,
        currency: Currency,
        amount: i64,
    ) -> Result<(), MoneyError> {
        let Some(shopper) = parties.shopper else { return Ok(()) };
        match stage {
            Stage::Pending => self.credit(Account::shopper_pending(shopper, currency), amount),
            Stage::Released => {
                let available = Account::shopper_available(shopper, currency);
                self.entitle(available, Account::shopper_owed(shopper, currency), amount)
            }
        }
    }

    /// Gives somebody money: what they owe is settled first. Below zero takes it: what is
    /// available first, the rest becomes owed.
    fn entitle(
        &mut self,
        available: Account,
        owed: Account,
        amount: i64,
    ) -> Result<(), MoneyError> {
        let first = if amount >= 0 { owed } else { available };
        let limit = self.balances.balance(&first).max(0).unsigned_abs();
        let part = i64::try_from(amount.unsigned_abs().min(limit)).map_err(|_| TOO_LARGE)?;
        let part = if amount >= 0 { part } else { part.saturating_neg() };
        let rest = difference(amount, part)?;
        self.credit(first, part)?;
        self.credit(if amount >= 0 { available } else { owed }, rest)
    }

    fn credit(&mut self, account: Account, amount: i64) -> Result<(), MoneyError> {
        self.debit(account, amount.checked_neg().ok_or(TOO_LARGE)?)
    }

    fn debit(&mut self, account: Account, amount: i64) -> Result<(), MoneyError> {
        match self.debits.iter_mut().find(|(known, _)| *known == account) {
            Some((_, sum)) => *sum = sum.checked_add(amount).ok_or(TOO_LARGE)?,
            None => self.debits.push((account, amount)),
        }
        Ok(())
    }

    /// The postings, none of them zero, none of them beyond what an account may hold.
    fn postings(self) -> Result<Vec<Posting>, LedgerError> {
        let mut postings = Vec::with_capacity(self.debits.len());
        for (account, debit) in self.debits {
            if debit == 0 {
                continue;
            }
            let side = if debit > 0 { Side::Debit } else { Side::Credit };
            let amount_minor = debit.checked_abs().ok_or(TOO_LARGE)?;
            let posting = Posting { account, side, amount_minor };
            let balance = self.balances.balance(&account);
            let after = balance.checked_add(posting.change()).ok_or(TOO_LARGE)?;
            if after < 0 && !account.kind().may_go_below_zero() {
                return Err(LedgerError::BelowZero(account));
            }
            postings.push(posting);
        }
        Ok(postings)
    }
}

impl Command {
    /// Every account that [`apply`] may read or post to, in the order in which a store locks them.
    ///
    /// # Errors
    ///
    /// As [`apply`], but for what depends on balances.
    pub fn touches(&self) -> Result<BTreeSet<Account>, LedgerError> {
        let Some(step) = self.step(Mutation::None)? else {
            let Action::Move(moved) = &self.action else { return Ok(BTreeSet::new()) };
            let legs = moved.legs.iter();
            return Ok(legs.flat_map(|leg| [Some(leg.account), leg.owed()]).flatten().collect());
        };
        let Parties { debtor, publisher, shopper } = step.parties;
        let currency = step.old.currency();
        let mut accounts = BTreeSet::new();
        accounts.insert(Account::receivable(debtor, currency));
        accounts.insert(Account::suspense(currency));
        for stage in [step.from, step.to].into_iter().flatten() {
            accounts.insert(fee_account(stage, currency));
            for component in components(&step) {
                accounts.insert(tax_account(stage, publisher, component, currency));
                accounts.insert(tenant_tax_account(stage, component, currency));
            }
            match stage {
                Stage::Pending => {
                    if step.advanced_from > 0 || step.advanced_to > 0 {
                        accounts.insert(Account::advance_receivable(publisher, currency));
                        accounts.insert(Account::publisher_available(publisher, currency));
                        accounts.insert(Account::publisher_owed(publisher, currency));
                        accounts.insert(fee_account(Stage::Released, currency));
                    }
                    accounts.insert(Account::publisher_pending(publisher, currency));
                    accounts.extend(shopper.map(|id| Account::shopper_pending(id, currency)));
                }
                Stage::Released => {
                    accounts.insert(Account::publisher_available(publisher, currency));
                    accounts.insert(Account::publisher_owed(publisher, currency));
                    accounts.extend(shopper.map(|id| Account::shopper_available(id, currency)));
                    accounts.extend(shopper.map(|id| Account::shopper_owed(id, currency)));
                }
            }
        }
        Ok(accounts)
    }
}

const TOO_LARGE: MoneyError = MoneyError::TooLarge;

fn difference(new: i64, old: i64) -> Result<i64, MoneyError> {
    new.checked_sub(old).ok_or(TOO_LARGE)
}

const fn fee_account(stage: Stage, currency: Currency) -> Account {
    match stage {
        Stage::Pending => Account::fee_pending(currency),
        Stage::Released => Account::fee_earned(currency),
    }
}

const fn tax_account(stage: Stage, id: PublisherId, component: Word, cur: Currency) -> Account {
    match stage {
        Stage::Pending => Account::publisher_tax_pending(id, component, cur),
        Stage::Released => Account::publisher_tax_withheld(id, component, cur),
    }
}

const fn tenant_tax_account(stage: Stage, component: Word, currency: Currency) -> Account {
    match stage {
        Stage::Pending => Account::tenant_tax_pending(component, currency),
        Stage::Released => Account::tenant_tax_withheld(component, currency),
    }
}

/// Every component of the old and the new split once, the old ones first.
fn components(step: &Step) -> Vec<Word> {
    let mut found: Vec<Word> = step.old.taxes.iter().map(|part| part.component).collect();
    for part in &step.new.taxes {
        if !found.contains(&part.component) {
            found.push(part.component);
        }
    }
    found
}

/// One component's tax in minor units.
#[derive(Default)]
struct TaxDue {
    withheld: i64,
    shortfall: i64,
}

fn tax_of(split: &Split, component: Word) -> TaxDue {
    let part = split.taxes.iter().find(|part| part.component == component);
    part.map_or_else(TaxDue::default, |part| TaxDue {
        withheld: part.withheld.minor,
        shortfall: part.shortfall.minor,
    })
}
