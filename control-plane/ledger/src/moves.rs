//! Movements that belong to no conversion: payouts, corrections, payments, exchanges. Their lines
//! are stated, because whoever gives the command has read the balances under the ledger's lock.

use model::id::TransactionId;

use crate::account::{Account, AccountKind, Owner};

model::words! {
    /// Why money moves.
    pub enum MoveKind {
        /// A payout's money leaves what is available and stands in clearing.
        PayoutReserve = "payout_reserve",
        /// The rail refused for good: the reserve is mirrored.
        PayoutDeclined = "payout_declined",
        /// The rail has paid.
        PayoutPaid = "payout_paid",
        /// The rail gave back what it had paid.
        PayoutReturned = "payout_returned",
        /// A correction that two people agree on.
        Adjust = "adjust",
        /// An advertiser has paid.
        AdvertiserPaid = "advertiser_paid",
        /// Withheld tax went to the state.
        TaxRemitted = "tax_remitted",
        /// A person's money in one currency becomes money in another.
        Exchange = "exchange",
        /// A debt that nobody expects back.
        WriteOff = "write_off",
    }
}

impl MoveKind {
    /// Whether what somebody gets settles what they owe first, and what is missing becomes owed.
    pub const fn settles_debt(self) -> bool {
        matches!(self, Self::PayoutReturned | Self::Adjust | Self::Exchange)
    }
}

/// One line of a movement. Above zero the account is credited, below zero debited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub account: Account,
    pub credit_minor: i64,
}

impl Leg {
    pub const fn credit(account: Account, minor: i64) -> Self {
        Self { account, credit_minor: minor }
    }

    pub const fn debit(account: Account, minor: i64) -> Self {
        Self { account, credit_minor: minor.saturating_neg() }
    }

    /// The debt that stands behind what somebody has available.
    pub(crate) const fn owed(&self) -> Option<Account> {
        let currency = self.account.currency();
        match (self.account.kind(), self.account.owner()) {
            (AccountKind::PublisherAvailable, Owner::Publisher(id)) => {
                Some(Account::publisher_owed(id, currency))
            }
            (AccountKind::ShopperAvailable, Owner::Shopper(id)) => {
                Some(Account::shopper_owed(id, currency))
            }
            _ => None,
        }
    }
}

/// A movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub kind: MoveKind,
    /// The movement that this one wholly undoes.
    pub reverses: Option<TransactionId>,
    /// They sum to zero in each currency.
    pub legs: Vec<Leg>,
}
