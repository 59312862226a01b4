//! Reading the ledger: accounts, balances, transactions, trial balance, commands.

use super::Account;
use super::AccountKind;
use super::BTreeMap;
use super::Command;
use super::ConversionId;
use super::Currency;
use super::HASH_BYTES;
use super::LedgerBooks;
use super::Owner;
use super::PageAsk;
use super::PublisherId;
use super::Side;
use super::StoreError;
use super::StoreResult;
use super::Timestamp;
use super::TransactionId;
use super::Trial;
use super::Value;
use super::params;
use crate::conversions::currency_of;
use crate::page::Statement;
use crate::payouts::Payee;
use crate::sql::Row;

/// One account and its balance on its normal side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Kind, owner, tax component, currency.
    pub account: Account,
    /// Minor units.
    pub balance_minor: i64,
}

/// What a publisher has in one currency, in minor units. Together the numbers explain every net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceRow {
    /// Of all numbers below.
    pub currency: Currency,
    /// Earned, not releasable yet.
    pub pending: i64,
    /// May be paid.
    pub available: i64,
    /// On its way through a rail.
    pub in_payout: i64,
    /// Paid out.
    pub paid: i64,
    /// To be given back.
    pub owed: i64,
    /// Estimated tax before release.
    pub tax_pending: i64,
    /// Tax kept back for the state.
    pub tax_withheld: i64,
}

/// One line of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingRow {
    /// Key of the account.
    pub account: String,
    /// Debit or credit.
    pub side: Side,
    /// Above zero.
    pub amount_minor: i64,
    /// Of the amount.
    pub currency: Currency,
}

/// One sealed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRow {
    /// Its id.
    pub id: TransactionId,
    /// 1, 2, 3 … per tenant.
    pub seq: i64,
    /// Because of which conversion.
    pub conversion: Option<ConversionId>,
    /// The accrual it wholly undoes.
    pub reverses: Option<TransactionId>,
    /// The accrual whose money it moves on or cuts.
    pub amends: Option<TransactionId>,
    /// For people.
    pub memo: String,
    /// When it was posted.
    pub at: Timestamp,
    /// The link before in the chain.
    pub previous_hash: [u8; HASH_BYTES],
    /// Its link.
    pub hash: [u8; HASH_BYTES],
    /// In order.
    pub postings: Vec<PostingRow>,
}

/// One stored ledger command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// The sequence of its transaction.
    pub seq: i64,
    /// What was done.
    pub command: Command,
    /// When it was posted.
    pub at: Timestamp,
}

pub(crate) fn account_of(row: &Row, column: &str) -> StoreResult<Account> {
    let wrong = |_| StoreError::Column { column: column.to_owned(), expected: "an account" };
    Account::parse_key(row.text(column)?).map_err(wrong)
}

impl LedgerBooks<'_> {
    /// Every account, or those of one owner (`tenant`, `pub_…`, `adv_…`, `rail:…`), by key.
    ///
    /// # Errors
    /// [`StoreError::Database`]; so do all below.
    pub async fn accounts(&mut self, owner: Option<&str>) -> StoreResult<Vec<AccountRow>> {
        let begin = "SELECT account, balance_minor FROM accounts WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND owner =", owner);
        statement.text("ORDER BY account");
        let mut accounts = Vec::new();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            let account = account_of(&row, "account")?;
            accounts.push(AccountRow { account, balance_minor: row.int("balance_minor")? });
        }
        Ok(accounts)
    }

    /// Every account that may be paid out and has something in it, by key.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn available(&mut self) -> StoreResult<Vec<AccountRow>> {
        let sql = "SELECT account, balance_minor FROM accounts WHERE tenant_id = $1 \
                   AND kind IN ('publisher_available', 'shopper_available') \
                   AND balance_minor > 0 ORDER BY account";
        let mut accounts = Vec::new();
        for row in self.0.fetch_all(sql, params![self.0.tenant()]).await? {
            let account = account_of(&row, "account")?;
            accounts.push(AccountRow { account, balance_minor: row.int("balance_minor")? });
        }
        Ok(accounts)
    }

    /// What somebody owes in a currency.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn owed(&mut self, payee: Payee, currency: Currency) -> StoreResult<i64> {
        let account = match payee {
            Payee::Publisher(id) => Account::publisher_owed(id, currency),
            Payee::Shopper(id) => Account::shopper_owed(id, currency),
        };
        let sql = "SELECT balance_minor FROM accounts WHERE tenant_id = $1 AND account = $2";
        let row = self.0.fetch_optional(sql, params![self.0.tenant(), account.key()]).await?;
        row.map_or(Ok(0), |row| row.int("balance_minor"))
    }

    /// What a publisher has, one row per currency, alphabetically; empty when nothing was ever
    /// posted.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn balance(&mut self, publisher: PublisherId) -> StoreResult<Vec<BalanceRow>> {
        let owner = Owner::Publisher(publisher).to_string();
        let mut rows: BTreeMap<Currency, BalanceRow> = BTreeMap::new();
        for AccountRow { account, balance_minor } in self.accounts(Some(&owner)).await? {
            let currency = account.currency();
            let row = rows.entry(currency).or_insert_with(|| BalanceRow::nothing(currency));
            match account.kind() {
                AccountKind::PublisherPending => row.pending += balance_minor,
                AccountKind::PublisherAvailable => row.available += balance_minor,
                AccountKind::TaxPending => row.tax_pending += balance_minor,
                AccountKind::TaxWithheld => row.tax_withheld += balance_minor,
                AccountKind::ClawbackReceivable => row.owed += balance_minor,
                _ => {}
            }
        }
        let sql = "SELECT currency, state, SUM(amount_minor) AS amount FROM payouts \
                   WHERE tenant_id = $1 AND payee = $2 GROUP BY currency, state";
        for row in self.0.fetch_all(sql, params![self.0.tenant(), &owner]).await? {
            let currency = currency_of(&row, "currency")?;
            let amount = row.int("amount")?;
            let balance = rows.entry(currency).or_insert_with(|| BalanceRow::nothing(currency));
            match row.text("state")? {
                "paid" => balance.paid += amount,
                "reserved" | "sending" | "accepted" | "unknown" => balance.in_payout += amount,
                _ => {}
            }
        }
        Ok(rows.into_values().collect())
    }

    /// One page of transactions, newest first; `page.after` is the `seq` of the last row as text.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn transactions(
        &mut self,
        conversion: Option<ConversionId>,
        page: &PageAsk,
    ) -> StoreResult<Vec<TransactionRow>> {
        let begin = "SELECT * FROM transactions WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND conversion_id =", conversion);
        let after = page.after.as_ref().map(|text| text.parse::<i64>().unwrap_or(0));
        statement.when("AND seq <", after);
        statement.value("ORDER BY seq DESC LIMIT", page.rows());
        self.fetch_transactions(statement).await
    }

    /// Transactions in ledger order, behind `after_seq`: what checks and replays walk through.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn transactions_after(
        &mut self,
        after_seq: i64,
        limit: u32,
    ) -> StoreResult<Vec<TransactionRow>> {
        let begin = "SELECT * FROM transactions WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.value("AND seq >", after_seq);
        statement.value("ORDER BY seq LIMIT", limit);
        self.fetch_transactions(statement).await
    }

    async fn fetch_transactions(
        &mut self,
        statement: Statement,
    ) -> StoreResult<Vec<TransactionRow>> {
        let mut found = Vec::new();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            found.push(TransactionRow {
                id: row.id("id")?,
                seq: row.int("seq")?,
                conversion: row.opt_id("conversion_id")?,
                reverses: row.opt_id("reverses")?,
                amends: row.opt_id("amends")?,
                memo: row.string("memo")?,
                at: row.at("at")?,
                previous_hash: row.array("previous_hash")?,
                hash: row.array("hash")?,
                postings: Vec::new(),
            });
        }
        let mut postings = self.postings_of(&found).await?;
        for row in &mut found {
            row.postings = postings.remove(&row.id).unwrap_or_default();
        }
        Ok(found)
    }

    async fn postings_of(
        &mut self,
        of: &[TransactionRow],
    ) -> StoreResult<BTreeMap<TransactionId, Vec<PostingRow>>> {
        let mut postings: BTreeMap<TransactionId, Vec<PostingRow>> = BTreeMap::new();
        for rows in of.chunks(crate::page::KEYS_PER_STATEMENT) {
            let begin = "SELECT * FROM postings WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND transaction_id", rows.iter().map(|row| Value::from(row.id)));
            statement.text("ORDER BY transaction_id, position");
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                postings.entry(row.id("transaction_id")?).or_default().push(PostingRow {
                    account: row.string("account")?,
                    side: row.word("side", Side::parse)?,
                    amount_minor: row.int("amount_minor")?,
                    currency: currency_of(&row, "currency")?,
                });
            }
        }
        Ok(postings)
    }

    /// Debits and credits per currency, alphabetically: of all balances, or of what was posted
    /// until `at`.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn trial_balance(&mut self, at: Option<Timestamp>) -> StoreResult<Vec<Trial>> {
        let begin = "SELECT p.account AS account, p.side AS side, SUM(p.amount_minor) AS amount \
                     FROM postings p JOIN transactions t \
                     ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id \
                     WHERE p.tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND t.at <=", at);
        statement.text("GROUP BY p.account, p.side");
        let mut balances: BTreeMap<Account, i128> = BTreeMap::new();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            let amount = i128::from(row.int("amount")?);
            let balance = balances.entry(account_of(&row, "account")?).or_default();
            match row.word("side", Side::parse)? {
                Side::Debit => *balance += amount,
                Side::Credit => *balance -= amount,
            }
        }
        let mut trials: BTreeMap<Currency, Trial> = BTreeMap::new();
        for (account, debit) in balances {
            let currency = account.currency();
            let empty = Trial { currency, debits: 0, credits: 0 };
            let trial = trials.entry(currency).or_insert(empty);
            if debit >= 0 { trial.debits += debit } else { trial.credits -= debit }
        }
        Ok(trials.into_values().collect())
    }

    /// Commands in ledger order, behind `after_seq`.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn commands(&mut self, after_seq: i64, limit: u32) -> StoreResult<Vec<CommandRow>> {
        let sql = "SELECT seq, body, at FROM ledger_commands \
                   WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let mut commands = Vec::new();
        for row in self.0.fetch_all(sql, params![self.0.tenant(), after_seq, limit]).await? {
            let wrong =
                |_| StoreError::Column { column: "body".to_owned(), expected: "a ledger command" };
            let command = Command::decode(row.text("body")?).map_err(wrong)?;
            commands.push(CommandRow { seq: row.int("seq")?, command, at: row.at("at")? });
        }
        Ok(commands)
    }

    /// Sequence and hash of the last transaction; absent while there is none.
    ///
    /// # Errors
    /// As [`Self::accounts`].
    pub async fn head(&mut self) -> StoreResult<Option<(i64, [u8; HASH_BYTES])>> {
        let sql = "SELECT seq, hash FROM transactions WHERE tenant_id = $1 \
                   ORDER BY seq DESC LIMIT 1";
        let row = self.0.fetch_optional(sql, params![self.0.tenant()]).await?;
        row.map(|row| Ok((row.int("seq")?, row.array("hash")?))).transpose()
    }
}

impl BalanceRow {
    /// A balance without anything in it.
    #[must_use]
    pub const fn nothing(currency: Currency) -> Self {
        Self {
            currency,
            pending: 0,
            available: 0,
            in_payout: 0,
            paid: 0,
            owed: 0,
            tax_pending: 0,
            tax_withheld: 0,
        }
    }
}
