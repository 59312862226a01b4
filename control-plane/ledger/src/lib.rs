//! Pure double entry: who owes whom how much, because of which conversion.
//!
//! The life of one value: a [`Basis`] (charge and rates) is [`split()`] into parts that sum to the
//! whole; a [`Command`] that carries it is [`apply()`]-ed to the balances of the accounts it
//! [touches](Command::touches) and answers a balanced [`Transaction`]; folding all commands in a
//! [`Book`] rebuilds every balance from nothing, years later and entry for entry.
//!
//! A conversion *records* what happened elsewhere, so it is never refused for want of money: what
//! is missing becomes `clawback_receivable` or `suspense`. Only a payout may be refused.
//!
//! This crate refuses to know stores, clocks, randomness, plugins and JSON. Instants and ids come
//! in as values; the same command on the same balances gives the same bytes.
//!
//! # Why
//!
//! *Commands carry what they undo.* A release or a reversal holds the [`Position`] it starts from
//! instead of asking a store for it. The row then explains itself for ever, and the fold can check
//! that every command starts where the previous one of its conversion ended.
//!
//! *Text, not JSON, for stored commands.* They outlive every version of the program, so their form
//! is small enough to be written down in one file and to be read by a person.

#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod account;
mod apply;
mod book;
mod codec;
mod command;
mod moves;
mod mutation;
mod split;
mod subject;
mod tax;
mod transaction;
mod word;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test builds panic on overflow")]
mod tests;

pub use account::{Account, AccountClass, AccountError, AccountKind, Debtor, Owner, Side};
pub use apply::{Balances, LedgerError, apply};
pub use book::{Book, Trial, fold};
pub use codec::CodecError;
pub use command::{Action, Command, Evidence, Parties, Position, Stage, TaxState};
pub use moves::{Leg, Move, MoveKind};
pub use split::{
    Basis, Split, SplitError, TaxBase, TaxPart, TaxRate, split, worst_case_is_covered,
};
pub use subject::Subject;
pub use tax::{Confidence, Day, Payer, TAX_ROWS, TaxRegime, TaxRow, flat_rates};
pub use transaction::{Posting, Transaction, Unbalanced, canonical_bytes};
pub use word::Word;
