//! The ledger's rows: commands, transactions, postings and balances, all or none.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ::ledger::Account;
use ::ledger::AccountKind;
use ::ledger::Command;
use ::ledger::LedgerError;
use ::ledger::Owner;
use ::ledger::Side;
use ::ledger::Transaction;
use ::ledger::Trial;
use model::clock::Timestamp;
use model::id::ConversionId;
use model::id::PublisherId;
use model::id::TenantId;
use model::id::TransactionId;
use model::money::Currency;
use sha2::Digest;
use sha2::Sha256;

use crate::conn::Scope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

mod read;
mod statement;
mod write;

pub use read::AccountRow;
pub use read::BalanceRow;
pub use read::CommandRow;
pub use read::PostingRow;
pub use read::TransactionRow;
pub use statement::Line;

/// Bytes of a link of the hash chain.
pub const HASH_BYTES: usize = 32;

/// Why commands were not posted. Nothing of them stays: the caller drops its unit of work.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// A command does not fit the balances or its conversion.
    #[error("command {transaction} does not fit the ledger")]
    Ledger {
        /// The transaction it would have become.
        transaction: TransactionId,
        /// Why.
        #[source]
        source: LedgerError,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Repository of the ledger's tables.
#[derive(Debug)]
pub struct LedgerBooks<'t>(Scope<'t>);

impl<'t> LedgerBooks<'t> {
    pub(crate) const fn over(scope: Scope<'t>) -> Self {
        Self(scope)
    }
}

impl TenantTx {
    /// The ledger of its tenant.
    pub const fn ledger(&mut self) -> LedgerBooks<'_> {
        LedgerBooks(self.scope())
    }
}

impl BatchTx {
    /// The ledger of one tenant.
    pub const fn ledger(&mut self, tenant: TenantId) -> LedgerBooks<'_> {
        LedgerBooks(self.scope(tenant))
    }
}

/// One link of a tenant's hash chain: SHA-256 over the link before, tenant, sequence, instant and
/// the transaction's canonical bytes.
#[must_use]
pub fn chain_hash(
    previous: &[u8; HASH_BYTES],
    tenant: TenantId,
    seq: i64,
    at: Timestamp,
    transaction: &Transaction,
) -> [u8; HASH_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(tenant.0.to_be_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(at.0.to_be_bytes());
    hasher.update(::ledger::canonical_bytes(transaction));
    hasher.finalize().into()
}
