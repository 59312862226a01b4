//! What statements and tax reports read: the postings of a span of time, with their transactions.
//!
//! Ids begin with their time, so a span of time is a range of the postings' own key.

use super::Account;
use super::ConversionId;
use super::LedgerBooks;
use super::Side;
use super::StoreResult;
use super::Timestamp;
use super::TransactionId;
use super::Value;
use super::params;
use super::read::account_of;
use crate::page::Statement;

/// An id is made a moment before its transaction is posted, never more than this.
const SLACK_US: i64 = 3_600_000_000;

/// One posting with the transaction it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Of the transaction.
    pub seq: i64,
    /// When it was posted.
    pub at: Timestamp,
    /// Its id.
    pub transaction: TransactionId,
    /// Because of which conversion.
    pub conversion: Option<ConversionId>,
    /// For people: what happened to what.
    pub memo: String,
    /// Which account moved.
    pub account: Account,
    /// By how much, on its normal side.
    pub change_minor: i64,
}

/// The least transaction id that may have been posted at an instant.
fn first_id(at: Timestamp) -> TransactionId {
    let at = Timestamp(at.0.saturating_sub(SLACK_US).max(0));
    TransactionId(u128::from(at.unix_ms() & 0xFFFF_FFFF_FFFF) << 80)
}

impl LedgerBooks<'_> {
    /// Postings on these accounts from an instant on, in ledger order.
    ///
    /// # Errors
    /// As [`LedgerBooks::accounts`].
    pub async fn lines(&mut self, accounts: &[Account], from: Timestamp) -> StoreResult<Vec<Line>> {
        let mut lines = Vec::new();
        for accounts in accounts.chunks(crate::page::KEYS_PER_STATEMENT) {
            let begin = "SELECT p.transaction_id AS transaction_id, p.account AS account, \
                         p.side AS side, p.amount_minor AS amount_minor, p.position AS position, \
                         t.seq AS seq, t.at AS at, t.memo AS memo, \
                         t.conversion_id AS conversion_id \
                         FROM postings p JOIN transactions t \
                         ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id \
                         WHERE p.tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.value("AND p.transaction_id >=", first_id(from));
            statement.value("AND t.at >=", from);
            statement.among("AND p.account", accounts.iter().map(|one| Value::from(one.key())));
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                let account = account_of(&row, "account")?;
                let side = row.word("side", Side::parse)?;
                let amount_minor = row.int("amount_minor")?;
                let posting = ::ledger::Posting { account, side, amount_minor };
                let line = Line {
                    seq: row.int("seq")?,
                    at: row.at("at")?,
                    transaction: row.id("transaction_id")?,
                    conversion: row.opt_id("conversion_id")?,
                    memo: row.string("memo")?,
                    account,
                    change_minor: posting.change(),
                };
                lines.push((row.int("position")?, line));
            }
        }
        lines.sort_by_key(|(position, line)| (line.seq, *position));
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }
}
