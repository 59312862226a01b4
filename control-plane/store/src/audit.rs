//! What the ledger checks read: plain rows, summed by the database and by nobody else.
//!
//! # Why tenant by tenant
//!
//! Nothing reads rows "as everybody": where policies hold, such a statement would find nothing and
//! every check would pass. So each look goes through the tenants one by one, and [`NOBODY`] behind
//! them, under whom stands what could not be read.

use std::collections::BTreeMap;

use model::conversion::ConversionStatus;
use model::id::EventId;
use model::id::TenantId;

use crate::conn::SysScope;
use crate::conversions::Conversion;
use crate::error::StoreResult;
use crate::ledger::TransactionRow;
use crate::offsets::OffsetRow;
use crate::offsets::Partition;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::SysTx;

/// Under whom records are kept that cannot be read.
pub const NOBODY: TenantId = TenantId(0);

/// A number that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose.
    pub tenant: String,
    /// What: a transaction, an account, an order.
    pub subject: String,
    /// By how much, in minor units or in rows.
    pub amount: i64,
}

/// Reads of the checks.
#[derive(Debug)]
pub struct Audit<'t>(SysScope<'t>);

impl SysTx {
    /// What the ledger checks read.
    pub const fn audit(&mut self) -> Audit<'_> {
        Audit(self.sys())
    }
}

fn difference(row: &Row) -> StoreResult<Difference> {
    let (tenant, subject) = (row.string("tenant_id")?, row.string("subject")?);
    Ok(Difference { tenant, subject, amount: row.int("amount")? })
}

/// Signed amount of a posting: debits above zero.
const SIGNED: &str = "CASE p.side WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END";

impl Audit<'_> {
    /// What one statement finds in each tenant, whose id is `$1` in it.
    async fn differences(&mut self, sql: String) -> StoreResult<Vec<Difference>> {
        let mut found = Vec::new();
        for tenant in self.tenants().await? {
            let rows = self.0.scope(tenant).fetch_built(sql.clone(), params![tenant]).await?;
            for row in &rows {
                found.push(difference(row)?);
            }
        }
        Ok(found)
    }

    /// Transactions whose debits and credits differ in a currency, or that were never sealed.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`]; so do all below.
    pub async fn unbalanced(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = format!(
            "SELECT p.tenant_id AS tenant_id, p.transaction_id AS subject, SUM({SIGNED}) AS amount \
             FROM postings p WHERE p.tenant_id = $1 \
             GROUP BY p.tenant_id, p.transaction_id, p.currency \
             HAVING SUM({SIGNED}) <> 0"
        );
        self.differences(sql).await
    }

    /// Currencies of tenants in which all postings do not sum to zero, by the currency of their
    /// accounts.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn trial(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = format!(
            "SELECT p.tenant_id AS tenant_id, a.currency AS subject, SUM({SIGNED}) AS amount \
             FROM postings p JOIN accounts a \
             ON a.tenant_id = p.tenant_id AND a.account = p.account \
             WHERE p.tenant_id = $1 GROUP BY p.tenant_id, a.currency HAVING SUM({SIGNED}) <> 0"
        );
        self.differences(sql).await
    }

    /// Accounts whose stored balance is not the sum of their postings, missing accounts included.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn balances(&mut self) -> StoreResult<Vec<Difference>> {
        // On its normal side, which the key's first word names.
        let signed = "CASE WHEN p.account LIKE 'advertiser_receivable/%' \
                      OR p.account LIKE 'provider_cash/%' \
                      OR p.account LIKE 'clawback_receivable/%' \
                      OR p.account LIKE 'advance_receivable/%' THEN 1 ELSE -1 END";
        let sql = format!(
            "SELECT tenant_id, subject, SUM(amount) AS amount FROM ( \
             SELECT p.tenant_id AS tenant_id, p.account AS subject, \
             SUM({SIGNED} * {signed}) AS amount FROM postings p WHERE p.tenant_id = $1 \
             GROUP BY p.tenant_id, p.account \
             UNION ALL SELECT tenant_id, account AS subject, -balance_minor AS amount \
             FROM accounts WHERE tenant_id = $1) AS sides \
             GROUP BY tenant_id, subject HAVING SUM(amount) <> 0"
        );
        self.differences(sql).await
    }

    /// Accounts below zero that may not be.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn negative(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = "SELECT tenant_id, account AS subject, balance_minor AS amount FROM accounts \
                   WHERE tenant_id = $1 AND balance_minor < 0 \
                   AND kind IN ('publisher_pending', \
                   'publisher_available', 'shopper_pending', 'shopper_available', 'fee_pending', \
                   'tax_pending', 'payout_clearing', 'clawback_receivable', 'advance_receivable')";
        self.differences(sql.to_owned()).await
    }

    /// Orders with more than one conversion, conversions with more accruals than reversals plus
    /// one, and ledger commands without exactly one transaction.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn doubled(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = "SELECT tenant_id, order_ref AS subject, COUNT(*) AS amount FROM conversions \
                   WHERE tenant_id = $1 \
                   GROUP BY tenant_id, order_space, order_ref, line, action HAVING COUNT(*) > 1 \
                   UNION ALL \
                   SELECT tenant_id, subject, COUNT(*) AS amount \
                   FROM ledger_commands c WHERE tenant_id = $1 AND action = 'accrue' \
                   AND NOT EXISTS (SELECT 1 FROM reversals r WHERE r.tenant_id = c.tenant_id \
                   AND r.reverses = c.transaction_id) \
                   GROUP BY tenant_id, subject HAVING COUNT(*) > 1 \
                   UNION ALL \
                   SELECT c.tenant_id AS tenant_id, c.transaction_id AS subject, 1 AS amount \
                   FROM ledger_commands c LEFT JOIN transactions t \
                   ON t.tenant_id = c.tenant_id AND t.id = c.transaction_id AND t.seq = c.seq \
                   WHERE c.tenant_id = $1 AND t.id IS NULL";
        self.differences(sql.to_owned()).await
    }

    /// Full reversals of what is no accrual of the same conversion, and those that the index of
    /// reversals does not show.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn reversals(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = "SELECT r.tenant_id AS tenant_id, r.reverses AS subject, 1 AS amount \
                   FROM reversals r \
                   LEFT JOIN transactions t \
                   ON t.tenant_id = r.tenant_id AND t.id = r.transaction_id \
                   LEFT JOIN transactions o ON o.tenant_id = r.tenant_id AND o.id = r.reverses \
                   WHERE r.tenant_id = $1 AND (t.id IS NULL OR o.id IS NULL \
                   OR t.reverses <> r.reverses OR t.conversion_id <> o.conversion_id \
                   OR o.seq >= t.seq) \
                   UNION ALL \
                   SELECT t.tenant_id AS tenant_id, t.id AS subject, 1 AS amount \
                   FROM transactions t LEFT JOIN reversals r \
                   ON r.tenant_id = t.tenant_id AND r.reverses = t.reverses \
                   WHERE t.tenant_id = $1 AND t.reverses IS NOT NULL AND r.reverses IS NULL";
        self.differences(sql.to_owned()).await
    }

    /// Balance of `payout_clearing` less the payouts on their way, per tenant and currency.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn clearing(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = "SELECT tenant_id, subject, SUM(amount) AS amount FROM ( \
                   SELECT tenant_id, currency AS subject, balance_minor AS amount FROM accounts \
                   WHERE tenant_id = $1 AND kind = 'payout_clearing' UNION ALL \
                   SELECT tenant_id, currency AS subject, -amount_minor AS amount FROM payouts \
                   WHERE tenant_id = $1 \
                   AND state IN ('reserved', 'sending', 'accepted', 'unknown')) AS sides \
                   GROUP BY tenant_id, subject HAVING SUM(amount) <> 0";
        self.differences(sql.to_owned()).await
    }

    /// Paid payouts without a reference of their rail, and references that were used twice: each
    /// tenant has an account of its own with a rail.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn references(&mut self) -> StoreResult<Vec<Difference>> {
        let sql = "SELECT tenant_id, id AS subject, 1 AS amount FROM payouts \
                   WHERE tenant_id = $1 AND state = 'paid' AND rail_reference IS NULL UNION ALL \
                   SELECT tenant_id, rail_reference AS subject, COUNT(*) - 1 AS amount \
                   FROM payouts WHERE tenant_id = $1 AND rail_reference IS NOT NULL \
                   GROUP BY tenant_id, rail, rail_reference HAVING COUNT(*) > 1";
        self.differences(sql.to_owned()).await
    }

    /// Whose rows are looked at: every tenant's, and [`NOBODY`]'s.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn tenants(&mut self) -> StoreResult<Vec<TenantId>> {
        let rows = self.0.fetch_all("SELECT id FROM tenants ORDER BY id", Vec::new()).await?;
        let known = rows.iter().map(|row| row.id("id"));
        known.chain([Ok(NOBODY)]).collect()
    }

    /// A tenant's transactions behind a sequence, in order.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn transactions(
        &mut self,
        tenant: TenantId,
        after_seq: i64,
        limit: u32,
    ) -> StoreResult<Vec<TransactionRow>> {
        let scope = self.0.scope(tenant);
        crate::ledger::LedgerBooks::over(scope).transactions_after(after_seq, limit).await
    }

    /// A tenant's released conversions behind an id, in order.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn released(
        &mut self,
        tenant: TenantId,
        after: &str,
        limit: u32,
    ) -> StoreResult<Vec<Conversion>> {
        let sql = "SELECT * FROM conversions WHERE tenant_id = $1 AND stage = 'released' \
                   AND id > $2 ORDER BY id LIMIT $3";
        let rows = self.0.scope(tenant).fetch_all(sql, params![tenant, after, limit]).await?;
        rows.iter().map(crate::conversions::conversion_from).collect()
    }

    /// Balances of `tax_withheld` per tenant and account.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn withheld(&mut self, tenant: TenantId) -> StoreResult<i64> {
        let sql = "SELECT COALESCE(SUM(balance_minor), 0) AS amount FROM accounts \
                   WHERE tenant_id = $1 AND kind = 'tax_withheld'";
        self.0.scope(tenant).fetch_one(sql, params![tenant]).await?.int("amount")
    }

    /// Where every consumer is.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn offsets(&mut self) -> StoreResult<Vec<OffsetRow>> {
        crate::offsets::Offsets::over(&mut self.0).list().await
    }

    /// How many inbounds of a partition have an outcome, up to a sequence.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn outcomes(&mut self, partition: &Partition, up_to: u64) -> StoreResult<i64> {
        let sql = "SELECT COUNT(*) AS n FROM inbound WHERE tenant_id = $1 \
                   AND topic = $2 AND part = $3 AND seq <= $4 AND outcome <> 'refused'";
        let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
        let Partition { topic, part } = partition;
        let mut outcomes = 0;
        for tenant in self.tenants().await? {
            let params = params![tenant, topic, part, up_to];
            outcomes += self.0.scope(tenant).fetch_one(sql, params).await?.int("n")?;
        }
        Ok(outcomes)
    }

    /// Those of `events` that the inbox does not know.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn unknown(
        &mut self,
        tenant: TenantId,
        events: &[EventId],
    ) -> StoreResult<Vec<EventId>> {
        let mut unknown = events.to_vec();
        for events in events.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT event_id FROM inbox WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![tenant]);
            statement.among("AND event_id", events.iter().map(|event| Value::from(*event)));
            let Statement { sql, params } = statement;
            for row in self.0.scope(tenant).fetch_built(sql, params).await? {
                let known: EventId = row.id("event_id")?;
                unknown.retain(|event| *event != known);
            }
        }
        Ok(unknown)
    }

    /// Conversions by status: what a report of the checks says it looked at.
    ///
    /// # Errors
    /// As [`Self::unbalanced`].
    pub async fn conversions(&mut self) -> StoreResult<Vec<(ConversionStatus, i64)>> {
        let sql = "SELECT status, COUNT(*) AS n FROM conversions WHERE tenant_id = $1 \
                   GROUP BY status";
        let mut counts: BTreeMap<ConversionStatus, i64> = BTreeMap::new();
        for tenant in self.tenants().await? {
            for row in self.0.scope(tenant).fetch_all(sql, params![tenant]).await? {
                let status = row.word("status", ConversionStatus::parse)?;
                *counts.entry(status).or_default() += row.int("n")?;
            }
        }
        Ok(counts.into_iter().collect())
    }
}
