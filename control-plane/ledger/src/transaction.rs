//! Postings, and the transactions that balance them.

use std::collections::BTreeMap;

use model::id::{ConversionId, TransactionId};
use model::money::Currency;

use crate::account::{Account, Side};

/// One line of a transaction. The amount is above zero; the side carries the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    pub account: Account,
    pub side: Side,
    pub amount_minor: i64,
}

impl Posting {
    /// What this does to the account's balance, counted on the account's normal side.
    pub const fn change(&self) -> i64 {
        match (self.side, self.account.kind().normal_side()) {
            (Side::Debit, Side::Debit) | (Side::Credit, Side::Credit) => self.amount_minor,
            (Side::Debit, Side::Credit) | (Side::Credit, Side::Debit) => {
                self.amount_minor.saturating_neg()
            }
        }
    }
}

/// A set of postings that sums to zero in every currency. Never edited; undone only by its mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: TransactionId,
    /// Absent for movements that belong to no single conversion.
    pub conversion: Option<ConversionId>,
    /// The accrual that this transaction wholly undoes; unique among all transactions.
    pub reverses: Option<TransactionId>,
    /// The accrual whose money this transaction moves on or cuts.
    pub amends: Option<TransactionId>,
    /// For people: what happened to what.
    pub memo: String,
    /// At most one per account, in the order of the parts.
    pub postings: Vec<Posting>,
}

/// A transaction that must not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    #[error("transaction has no postings")]
    Empty,
    #[error("posting has an amount that is not above zero")]
    NotPositive,
    #[error("debits and credits differ in {0}")]
    Differs(Currency),
}

impl Transaction {
    /// Whether debits equal credits in every currency and every amount is above zero.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn check(&self) -> Result<(), Unbalanced> {
        if self.postings.is_empty() {
            return Err(Unbalanced::Empty);
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for posting in &self.postings {
            if posting.amount_minor <= 0 {
                return Err(Unbalanced::NotPositive);
            }
            let amount = i128::from(posting.amount_minor);
            let sum = sums.entry(posting.account.currency()).or_default();
            *sum = match posting.side {
                Side::Debit => sum.saturating_add(amount),
                Side::Credit => sum.saturating_sub(amount),
            };
        }
        match sums.iter().find(|(_, sum)| **sum != 0) {
            Some((currency, _)) => Err(Unbalanced::Differs(*currency)),
            None => Ok(()),
        }
    }
}

/// Version of the form below.
const CANONICAL_VERSION: u8 = 1;

/// The bytes that a hash chain covers for this transaction. Two transactions that differ anywhere
/// have different bytes: every field has a fixed length or its length in front (big endian).
///
/// Tenant, sequence, instant and the previous hash are the store's and come in front of these.
pub fn canonical_bytes(transaction: &Transaction) -> Vec<u8> {
    let mut bytes = vec![CANONICAL_VERSION];
    bytes.extend(transaction.id.0.to_be_bytes());
    let of_optional = [
        transaction.conversion.map(|id| id.0),
        transaction.reverses.map(|id| id.0),
        transaction.amends.map(|id| id.0),
    ];
    for id in of_optional {
        bytes.push(u8::from(id.is_some()));
        bytes.extend(id.unwrap_or_default().to_be_bytes());
    }
    push_text(&mut bytes, &transaction.memo);
    bytes.extend(length(transaction.postings.len()));
    for posting in &transaction.postings {
        push_text(&mut bytes, &posting.account.key());
        bytes.push(match posting.side {
            Side::Debit => b'D',
            Side::Credit => b'C',
        });
        bytes.extend(posting.amount_minor.to_be_bytes());
    }
    bytes
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(length(text.len()));
    bytes.extend(text.as_bytes());
}

fn length(count: usize) -> [u8; 8] {
    u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes()
}
