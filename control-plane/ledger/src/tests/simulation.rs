//! Random conversions, returns, partial returns, clawbacks, corrections and payouts against the
//! independent model, step by step, and the fold of their stored commands at the end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::id::{AdvertiserId, IntegrationId, PublisherId, ShopperId, TransactionId};
use model::money::{BasisPoints, Currency, Money};

use crate::apply::apply_with;
use crate::mutation::Mutation;
use crate::{
    Account, AccountKind, Action, Basis, Book, Command, Debtor, Parties, Position, Posting, Side,
    Stage, TaxBase, TaxPart, TaxRate, TaxState, Transaction, Word,
};

use super::dice::{Dice, Seen};
use super::memory_store::{Entry, Store, View};
use super::model_of_balances::{Key, Model, Parts, Rate, Row, parts};
use super::{command, word};

const SHORT_OPERATIONS: u64 = 100_000;
/// A fresh world after this many, so that the stored commands fit in memory.
const ROUND_OPERATIONS: u64 = 10_000;
const THREADS: usize = 2;
/// A wrong balance stays wrong, so looking now and then loses nothing.
const OPERATIONS_BETWEEN_CHECKS: u64 = 16;
const MUTATION_OPERATIONS: u64 = 1_000;

/// Conversions that things still happen to; older ones are settled.
const LIVE_MAX: usize = 40;
const PUBLISHERS: u64 = 5;
const COMPONENTS: [&str; 3] = ["opv", "osms", "iit"];
pub(super) const CURRENCIES: [Currency; 3] = [Currency::KZT, Currency::USD, Currency::JPY];

#[test]
fn ledger_agrees_with_the_model() {
    let rounds = operations().div_ceil(ROUND_OPERATIONS);
    let transactions = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for first in (0..).take(THREADS) {
            let transactions = &transactions;
            scope.spawn(move || {
                for seed in (first..rounds).step_by(THREADS) {
                    let outcome = simulate(seed, ROUND_OPERATIONS, Mutation::None);
                    let seen = outcome.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
                    seen.check_coverage();
                    transactions.fetch_add(seen.transactions, Ordering::Relaxed);
                }
            });
        }
    });
    let operations = rounds * ROUND_OPERATIONS;
    let transactions = transactions.into_inner();
    println!(
        "figure: ledger against its model: {operations} operations, {transactions} transactions, \
         0 differences"
    );
}

/// How many operations are asked for.
#[expect(clippy::disallowed_methods, reason = "the long form is chosen from outside")]
fn operations() -> u64 {
    let asked = std::env::var("GAMMA_LEDGER_OPERATIONS").ok();
    asked.map_or(SHORT_OPERATIONS, |text| text.parse().expect("a number of operations"))
}

#[test]
fn rounding_every_part_down_is_noticed() {
    let outcome = simulate(1, MUTATION_OPERATIONS, Mutation::RoundDown);
    assert!(outcome.is_err_and(|fault| fault.contains("model")));
}

#[test]
fn dropped_posting_is_noticed() {
    let outcome = simulate(1, MUTATION_OPERATIONS, Mutation::DropPosting);
    assert!(outcome.is_err_and(|fault| fault.contains("differ")));
}

struct World {
    dice: Dice,
    store: Store,
    model: Model,
    mutation: Mutation,
    live: Vec<u128>,
    reversed: Vec<u128>,
    ids: u128,
    seen: Seen,
}

pub(super) type Fault = String;

fn simulate(seed: u64, operations: u64, mutation: Mutation) -> Result<Seen, Fault> {
    let mut world = World {
        dice: Dice(seed),
        store: Store::default(),
        model: Model::default(),
        mutation,
        live: Vec::new(),
        reversed: Vec::new(),
        ids: 0,
        seen: Seen::default(),
    };
    for operation in 0..operations {
        let at = |fault| format!("operation {operation}: {fault}");
        world.operate().map_err(at)?;
        if operation % OPERATIONS_BETWEEN_CHECKS == 0 {
            world.check_model().map_err(at)?;
        }
    }
    world.check_model()?;
    world.check_fold()?;
    world.seen.transactions = world.store.transactions();
    Ok(world.seen)
}

impl World {
    fn operate(&mut self) -> Result<(), Fault> {
        match self.dice.roll(100) {
            0..=27 => self.accrue(),
            28..=47 => self.release(),
            48..=54 => self.reverse(),
            55..=69 => self.partial_reverse(),
            70..=84 => self.claw_back(),
            85..=95 => self.pay(),
            _ => {
                self.stale();
                Ok(())
            }
        }
    }

    fn accrue(&mut self) -> Result<(), Fault> {
        let again = if self.dice.roll(4) == 0 { self.reversed.pop() } else { None };
        self.ids += 1;
        let conversion = again.unwrap_or(self.ids);
        let id = u128::from(self.dice.roll(PUBLISHERS));
        let debtor = match self.dice.roll(3) {
            0 => Debtor::Network(IntegrationId(id)),
            _ => Debtor::Advertiser(AdvertiserId(id)),
        };
        let publisher = PublisherId(u128::from(self.dice.roll(PUBLISHERS)));
        let shopper = (self.dice.roll(2) == 0).then_some(ShopperId(id));
        let parties = Parties { debtor, publisher, shopper };
        let currency = *self.dice.pick(&CURRENCIES).expect("a currency");
        let charge = match self.dice.roll(20) {
            0 => 1 + self.dice.amount(10_000_000_000_000),
            1..=9 => 1 + self.dice.amount(40),
            _ => 1 + self.dice.amount(10_000_000),
        };
        let (basis, parts) = self.terms(Money::new(charge, currency), shopper.is_some());
        if parts.taxes.iter().any(|tax| tax.2 > 0) {
            self.note("shortfall");
        }
        self.post(conversion, Action::Accrue { parties, basis })?;
        self.note(if again.is_some() { "accrue again" } else { "accrue" });
        let row = Row {
            debtor: match debtor {
                Debtor::Advertiser(id) => id.to_string(),
                Debtor::Network(id) => id.to_string(),
            },
            publisher: publisher.to_string(),
            shopper: shopper.map(|id| id.to_string()),
            currency: currency.code(),
            released: false,
            parts,
        };
        self.model.rows.insert(conversion, row);
        self.live.push(conversion);
        if self.live.len() > LIVE_MAX {
            let oldest = self.live.remove(0);
            self.model.settle(oldest);
        }
        Ok(())
    }

    /// Random terms for a charge, and the parts that the model makes of them.
    fn terms(&mut self, charge: Money, shared: bool) -> (Basis, Parts) {
        let steep = self.dice.roll(10) == 0;
        let fee = self.dice.amount(if steep { 10_001 } else { 4_001 });
        let share = if shared { self.dice.amount(10_001) } else { 0 };
        let mut rates: Vec<Rate> = Vec::new();
        for component in 0..COMPONENTS.len() {
            if self.dice.roll(2) == 0 {
                rates.push((component, self.dice.amount(2_001), self.dice.roll(2) == 0));
            }
        }
        let bp = |rate: i64| BasisPoints(u32::try_from(rate).expect("a rate"));
        let taxes = rates.iter().map(|(component, rate, of_charge)| TaxRate {
            component: name(*component),
            rate: bp(*rate),
            base: if *of_charge { TaxBase::Charge } else { TaxBase::Gross },
        });
        let taxes = taxes.collect();
        let basis = Basis { charge, fee: bp(fee), share: bp(share), taxes };
        (basis, parts(charge.minor, fee, share, &rates))
    }

    fn release(&mut self) -> Result<(), Fault> {
        let Some((conversion, position)) = self.any(Stage::Pending) else { return Ok(()) };
        let mut row = self.model.rows[&conversion].clone();
        let mut taxes = None;
        if self.dice.roll(3) == 0 {
            let mut net = row.parts.net + row.parts.taxes.iter().map(|tax| tax.1).sum::<i64>();
            row.parts.taxes.clear();
            for component in 0..COMPONENTS.len() {
                let withheld = self.dice.amount(net / 2 + 1);
                net -= withheld;
                row.parts.taxes.push((component, withheld, self.dice.amount(3)));
            }
            row.parts.net = net;
            let money = |minor| Money::new(minor, position.split.currency());
            let part = |(component, withheld, shortfall): &(usize, i64, i64)| TaxPart {
                component: name(*component),
                withheld: money(*withheld),
                shortfall: money(*shortfall),
            };
            taxes = Some(row.parts.taxes.iter().map(part).collect());
            self.note("release recomputed");
        }
        let transaction = self.post(conversion, Action::Release { position, taxes })?;
        let settles = |posting: &Posting| posting.account.kind() == AccountKind::ClawbackReceivable;
        if transaction.postings.iter().any(settles) {
            self.note("settled debt");
        }
        row.released = true;
        self.model.rows.insert(conversion, row);
        Ok(())
    }

    fn reverse(&mut self) -> Result<(), Fault> {
        let Some((conversion, position)) = self.any(Stage::Pending) else { return Ok(()) };
        self.post(conversion, Action::Reverse { position })?;
        self.gone(conversion);
        Ok(())
    }

    fn partial_reverse(&mut self) -> Result<(), Fault> {
        let Some((conversion, position)) = self.any(Stage::Pending) else { return Ok(()) };
        let (remaining, parts) = self.remaining(&position);
        let charge = parts.charge;
        self.post(conversion, Action::PartialReverse { position, remaining })?;
        if charge == 0 {
            self.gone(conversion);
        } else {
            self.model.rows.get_mut(&conversion).expect("a live row").parts = parts;
        }
        Ok(())
    }

    fn claw_back(&mut self) -> Result<(), Fault> {
        let Some((conversion, position)) = self.any(Stage::Released) else { return Ok(()) };
        let mut remaining = None;
        let mut parts = Parts::default();
        if self.dice.roll(2) == 0 {
            let (basis, new) = self.remaining(&position);
            remaining = Some(basis);
            if new.charge > 0 {
                parts = new;
                self.note("claw_back in part");
            }
        }
        let remitted = self.dice.roll(4) == 0;
        let tax = if remitted { TaxState::Remitted } else { TaxState::Held };
        let transaction = self.post(conversion, Action::ClawBack { position, remaining, tax })?;
        let owes = |posting: &Posting| posting.account.kind() == AccountKind::ClawbackReceivable;
        if transaction.postings.iter().any(owes) {
            self.note("owed");
        }
        let row = self.model.rows[&conversion].clone();
        if remitted {
            self.note("claw_back remitted");
            // The shortfall of remitted tax stays where it is: on both accounts of the tenant.
            self.model.remit(&row, &row.parts, &parts);
        }
        if parts.charge == 0 {
            self.gone(conversion);
        } else {
            self.model.rows.insert(conversion, Row { parts, ..row });
        }
        Ok(())
    }

    /// A smaller charge, sometimes none, under new terms. Never the same charge: that may be no
    /// change at all.
    fn remaining(&mut self, position: &Position) -> (Basis, Parts) {
        let charge = self.dice.amount(position.split.charge.minor);
        let shared = position.parties.shopper.is_some();
        self.terms(Money::new(charge, position.split.currency()), shared)
    }

    /// A payout of part of what somebody has available, as another part of the program posts it.
    fn pay(&mut self) -> Result<(), Fault> {
        let is_available = |account: &Account| {
            matches!(
                account.kind(),
                AccountKind::PublisherAvailable | AccountKind::ShopperAvailable
            )
        };
        let with_money = self.store.balances.iter().filter(|row| is_available(row.0) && *row.1 > 0);
        let candidates: Vec<(Account, i64)> = with_money.map(|row| (*row.0, *row.1)).collect();
        let Some((account, balance)) = self.dice.pick(&candidates).copied() else { return Ok(()) };
        let amount = 1 + self.dice.amount(balance);
        let clearing = Account::payout_clearing(word("file"), account.currency());
        let posting = |account, side| Posting { account, side, amount_minor: amount };
        self.ids += 1;
        let transaction = Transaction {
            id: TransactionId(self.ids),
            conversion: None,
            reverses: None,
            amends: None,
            memo: "payout".to_owned(),
            postings: vec![posting(account, Side::Debit), posting(clearing, Side::Credit)],
        };
        let owner = account.owner().to_string();
        let currency = account.currency().code();
        self.model.pay(account.kind().as_str(), &owner, currency, amount);
        self.note("payout");
        self.store.save(None, transaction)
    }

    /// A command that came late (from a position that is gone) or twice.
    fn stale(&mut self) {
        let Some((conversion, late)) = self.dice.pick(&self.store.passed).cloned() else {
            return;
        };
        if self.store.positions.get(&conversion) == Some(&late) {
            return;
        }
        let tax = TaxState::Held;
        let action = match late.stage {
            Stage::Released => Action::ClawBack { position: late, remaining: None, tax },
            Stage::Pending if self.dice.roll(2) == 0 => Action::Reverse { position: late },
            Stage::Pending => Action::Release { position: late, taxes: None },
        };
        self.ids += 1;
        self.note("stale");
        let late = Box::new(command(self.ids, conversion, action));
        self.store.rows.push(Entry::Stale(late));
    }

    fn any(&mut self, stage: Stage) -> Option<(u128, Position)> {
        let positions = &self.store.positions;
        let fitting = |id: &&u128| positions.get(*id).is_some_and(|found| found.stage == stage);
        let candidates: Vec<u128> = self.live.iter().filter(fitting).copied().collect();
        let conversion = *self.dice.pick(&candidates)?;
        Some((conversion, positions[&conversion].clone()))
    }

    fn gone(&mut self, conversion: u128) {
        self.model.rows.remove(&conversion);
        self.live.retain(|id| *id != conversion);
        self.reversed.push(conversion);
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.counts.entry(what).or_default() += 1;
    }

    /// As a store does it: load what the command touches, apply, save.
    fn post(&mut self, conversion: u128, action: Action) -> Result<Transaction, Fault> {
        self.ids += 1;
        self.note(action.as_str());
        let command = command(self.ids, conversion, action);
        let announced = command.touches().map_err(|error| error.to_string())?;
        let balances = &self.store.balances;
        let view = View { balances, announced: &announced, strayed: Cell::new(false) };
        let transaction =
            apply_with(&view, &command, self.mutation).map_err(|error| error.to_string())?;
        if view.strayed.get() {
            return Err("an account was read that was not announced".to_owned());
        }
        let step = command.step(self.mutation).map_err(|error| error.to_string())?;
        match step.and_then(crate::command::Step::position) {
            Some(position) => {
                self.store.passed.push((conversion, position.clone()));
                self.store.positions.insert(conversion, position)
            }
            None => self.store.positions.remove(&conversion),
        };
        self.store.save(Some(&command), transaction.clone())?;
        Ok(transaction)
    }

    fn check_model(&self) -> Result<(), Fault> {
        let mut expected: BTreeMap<Key, i128> = self.model.balances();
        expected.retain(|_, balance| *balance != 0);
        let mut found: BTreeMap<Key, i128> = BTreeMap::new();
        for (account, balance) in self.store.balances.iter().filter(|row| *row.1 != 0) {
            let component = account.component().map(|word| {
                let known = COMPONENTS.iter().position(|name| *name == word.as_str());
                known.expect("a component of the simulation")
            });
            let owner = account.owner().to_string();
            let key = (account.kind().as_str(), owner, component, account.currency().code());
            found.insert(key, i128::from(*balance));
        }
        if found == expected {
            return Ok(());
        }
        let wrong: Vec<_> =
            found.iter().filter(|(key, at)| expected.get(*key) != Some(*at)).collect();
        Err(format!("the model has other balances than {wrong:?}"))
    }

    /// The stored commands alone rebuild every transaction and every balance.
    fn check_fold(&self) -> Result<(), Fault> {
        let mut book = Book::default();
        for entry in &self.store.rows {
            match entry {
                Entry::Posted { command, transaction } => {
                    let command = Command::decode(command).map_err(|error| error.to_string())?;
                    let repeated = book.post(&command).map_err(|error| error.to_string())?;
                    if repeated != *transaction {
                        return Err(format!("the fold differs in {}", transaction.memo));
                    }
                }
                Entry::Foreign(transaction) => {
                    book.record(transaction).map_err(|error| error.to_string())?;
                }
                Entry::Stale(command) if book.post(command).is_ok() => {
                    return Err(format!("a book took a stale {}", command.action.as_str()));
                }
                Entry::Stale(_) => {}
            }
        }
        if book.balances() != &self.store.balances {
            return Err("the fold has other balances".to_owned());
        }
        let unequal = book.trial_balance().iter().any(|trial| trial.debits != trial.credits);
        if unequal { Err("the trial balance is not even".to_owned()) } else { Ok(()) }
    }
}

fn name(component: usize) -> Word {
    word(COMPONENTS[component])
}
