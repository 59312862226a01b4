//! The rows of the posting table, the properties of splits, and a seeded simulation against an
//! independent model.

mod accounts;
mod codec;
mod dice;
mod fold;
mod memory_store;
mod model_of_balances;
mod moves;
mod postings;
mod simulation;
mod splits;

use model::clock::Timestamp;
use model::id::{AdvertiserId, ConversionId, PublisherId, ShopperId, TransactionId};
use model::money::{BasisPoints, Currency, Money};

use crate::{
    Action, Basis, Book, Command, Debtor, Evidence, Parties, Position, TaxBase, TaxRate,
    Transaction, Word,
};

const KZT: Currency = Currency::KZT;
const PUBLISHER: PublisherId = PublisherId(2);
const SHOPPER: ShopperId = ShopperId(3);
const DEBTOR: Debtor = Debtor::Advertiser(AdvertiserId(1));
const NO_SHOPPER: Parties = Parties { debtor: DEBTOR, publisher: PUBLISHER, shopper: None };
const WITH_SHOPPER: Parties =
    Parties { debtor: DEBTOR, publisher: PUBLISHER, shopper: Some(SHOPPER) };

fn word(text: &str) -> Word {
    Word::parse(text).expect("a word")
}

fn kzt(amount: &str) -> Money {
    Money::parse(amount, KZT).expect("an amount")
}

/// The seed's terms: a fee of 20 % and the demonstration tax of 10 % of the charge.
fn basis(charge: &str, share: u32) -> Basis {
    let tax = TaxRate {
        component: word("illustrative"),
        rate: BasisPoints(1_000),
        base: TaxBase::Charge,
    };
    Basis {
        charge: kzt(charge),
        fee: BasisPoints(2_000),
        share: BasisPoints(share),
        taxes: vec![tax],
    }
}

fn command(transaction: u128, conversion: u128, action: Action) -> Command {
    Command {
        transaction: TransactionId(transaction),
        subject: ConversionId(conversion).into(),
        action,
        evidence: Evidence { at: Timestamp(0), author: "test".to_owned(), facts: Vec::new() },
    }
}

/// A book with a counter of transactions, so that tests read as a story.
#[derive(Default)]
struct Story {
    book: Book,
    transactions: u128,
    commands: Vec<Command>,
}

impl Story {
    fn post(&mut self, conversion: u128, action: Action) -> Transaction {
        self.transactions += 1;
        let command = command(self.transactions, conversion, action);
        let transaction = self.book.post(&command).expect("a command that fits");
        self.commands.push(command);
        transaction
    }

    fn accrue(&mut self, conversion: u128, parties: Parties, basis: Basis) -> Transaction {
        self.post(conversion, Action::Accrue { parties, basis })
    }

    fn release(&mut self, conversion: u128) -> Transaction {
        let position = self.position(conversion);
        self.post(conversion, Action::Release { position, taxes: None })
    }

    fn position(&self, conversion: u128) -> Position {
        self.book.position(ConversionId(conversion)).expect("an accrued conversion").clone()
    }
}

/// One line per posting: side, account without ids, amount.
fn shown(transaction: &Transaction) -> Vec<String> {
    let line = |posting: &crate::Posting| {
        let account = posting.account;
        let amount = Money::new(posting.amount_minor, account.currency()).amount();
        format!("{} {} {amount}", posting.side.as_str(), account.kind())
    };
    transaction.postings.iter().map(line).collect()
}
