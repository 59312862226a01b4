//! Posting: commands in, rows out, in few statements whatever the batch.

use super::Account;
use super::BTreeMap;
use super::BTreeSet;
use super::Command;
use super::HASH_BYTES;
use super::LedgerBooks;
use super::PostError;
use super::StoreError;
use super::StoreResult;
use super::Timestamp;
use super::Transaction;
use super::Value;
use super::chain_hash;
use super::params;
use crate::conn::ManyRows;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;

const COMMAND_COLUMNS: [&str; 7] =
    ["tenant_id", "seq", "transaction_id", "subject", "action", "body", "at"];
const POSTING_COLUMNS: [&str; 7] =
    ["tenant_id", "transaction_id", "position", "account", "side", "amount_minor", "currency"];
const TRANSACTION_COLUMNS: [&str; 10] = [
    "tenant_id",
    "id",
    "seq",
    "conversion_id",
    "reverses",
    "amends",
    "memo",
    "at",
    "previous_hash",
    "hash",
];
const ACCOUNT_COLUMNS: [&str; 6] =
    ["tenant_id", "account", "kind", "owner", "currency", "balance_minor"];

/// Sets balances by their accounts.
const BALANCES: ManyRows =
    ManyRows { table: "accounts", keys: &["tenant_id", "account"], values: &["balance_minor"] };

/// Where a tenant's chain ends.
struct Head {
    seq: i64,
    hash: [u8; HASH_BYTES],
}

/// Balances in memory, and which of them the batch changed: each account is written once, however
/// often it moves.
struct Netted {
    balances: BTreeMap<Account, i64>,
    /// Accounts that have a row.
    known: BTreeSet<Account>,
    changed: BTreeSet<Account>,
}

impl Netted {
    fn take(&mut self, transaction: &Transaction) {
        for posting in &transaction.postings {
            let balance = self.balances.entry(posting.account).or_default();
            // The ledger has checked the sum before it made the posting.
            *balance = balance.saturating_add(posting.change());
            self.changed.insert(posting.account);
        }
    }
}

impl LedgerBooks<'_> {
    /// Posts commands in order: command rows, postings, sealed transactions, balances. The unit of
    /// work holds the ledger from here on, if it did not before, so balances and sequence cannot
    /// move underneath.
    ///
    /// # Errors
    /// [`PostError::Ledger`] names the command that does not fit; [`PostError::Store`] is the
    /// database's.
    pub async fn post(
        &mut self,
        commands: &[Command],
        at: Timestamp,
    ) -> Result<Vec<Transaction>, PostError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.0.hold_ledger().await?;
        let mut netted = self.load(commands).await?;
        let mut transactions = Vec::with_capacity(commands.len());
        for command in commands {
            let wrong = |source| PostError::Ledger { transaction: command.transaction, source };
            let transaction = ::ledger::apply(&netted.balances, command).map_err(wrong)?;
            netted.take(&transaction);
            transactions.push(transaction);
        }
        let head = self.last_link().await?;
        self.insert_commands(commands, head.seq, at).await?;
        self.insert_postings(&transactions).await?;
        self.insert_transactions(&transactions, head, at).await?;
        self.save_balances(&netted).await?;
        Ok(transactions)
    }

    async fn load(&mut self, commands: &[Command]) -> Result<Netted, PostError> {
        let mut touched = BTreeSet::new();
        for command in commands {
            let wrong = |source| PostError::Ledger { transaction: command.transaction, source };
            touched.extend(command.touches().map_err(wrong)?);
        }
        let keys: Vec<String> = touched.iter().map(Account::key).collect();
        let mut balances = BTreeMap::new();
        for keys in keys.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT account, balance_minor FROM accounts WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND account", keys.iter().map(Value::from));
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                let account = super::read::account_of(&row, "account")?;
                balances.insert(account, row.int("balance_minor")?);
            }
        }
        let known = balances.keys().copied().collect();
        Ok(Netted { balances, known, changed: BTreeSet::new() })
    }

    async fn last_link(&mut self) -> StoreResult<Head> {
        let last = self.head().await?;
        let (seq, hash) = last.unwrap_or((0, [0; HASH_BYTES]));
        Ok(Head { seq, hash })
    }

    async fn insert_commands(
        &mut self,
        commands: &[Command],
        last_seq: i64,
        at: Timestamp,
    ) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |(seq, command): (i64, &Command)| {
            let Command { transaction, subject, action, .. } = command;
            let subject = subject.to_string();
            params![tenant, seq, *transaction, subject, action.as_str(), command.encode(), at]
        };
        let rows = (last_seq + 1..).zip(commands).map(to_values).collect();
        self.0.insert_many("ledger_commands", &COMMAND_COLUMNS, rows, "").await.map(drop)
    }

    async fn insert_postings(&mut self, transactions: &[Transaction]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let mut rows = Vec::with_capacity(transactions.len() * 4);
        for transaction in transactions {
            for (position, posting) in (0_i64..).zip(&transaction.postings) {
                rows.push(params![
                    tenant,
                    transaction.id,
                    position,
                    posting.account.key(),
                    posting.side.as_str(),
                    posting.amount_minor,
                    posting.account.currency().code(),
                ]);
            }
        }
        self.0.insert_many("postings", &POSTING_COLUMNS, rows, "").await.map(drop)
    }

    async fn insert_transactions(
        &mut self,
        transactions: &[Transaction],
        head: Head,
        at: Timestamp,
    ) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let mut rows = Vec::with_capacity(transactions.len());
        let mut reversals = Vec::new();
        let Head { mut seq, hash: mut previous } = head;
        for transaction in transactions {
            seq += 1;
            let hash = chain_hash(&previous, tenant, seq, at, transaction);
            rows.push(params![
                tenant,
                transaction.id,
                seq,
                transaction.conversion,
                transaction.reverses,
                transaction.amends,
                &transaction.memo,
                at,
                previous,
                hash,
            ]);
            if let Some(reverses) = transaction.reverses {
                reversals.push(params![tenant, reverses, transaction.id]);
            }
            previous = hash;
        }
        self.0.insert_many("transactions", &TRANSACTION_COLUMNS, rows, "").await?;
        let columns = ["tenant_id", "reverses", "transaction_id"];
        self.0.insert_many("reversals", &columns, reversals, "").await.map(drop)
    }

    /// Every changed account once, by key. Where the engine takes arrays, known accounts are one
    /// UPDATE: cheaper than an INSERT that meets a row each time.
    async fn save_balances(&mut self, netted: &Netted) -> Result<(), StoreError> {
        let mut changed: Vec<&Account> = netted.changed.iter().collect();
        changed.sort_by_cached_key(|account| account.key());
        let balance = |account: &Account| netted.balances.get(account).copied().unwrap_or_default();
        let tenant = self.0.tenant();
        if self.0.takes_arrays() {
            let (known, new): (Vec<&Account>, Vec<&Account>) =
                changed.iter().partition(|account| netted.known.contains(account));
            let rows: Vec<Vec<Value>> = known
                .iter()
                .map(|account| params![tenant, account.key(), balance(account)])
                .collect();
            let count = rows.len() as u64;
            if self.0.update_many(BALANCES, rows).await? != count {
                return Err(StoreError::Missing);
            }
            changed = new;
        }
        let row = |account: &&Account| {
            params![
                tenant,
                account.key(),
                account.kind().as_str(),
                account.owner().to_string(),
                account.currency().code(),
                balance(account),
            ]
        };
        let rows = changed.iter().map(row).collect();
        let suffix = "ON CONFLICT (tenant_id, account) DO UPDATE SET \
                      balance_minor = excluded.balance_minor";
        self.0.insert_many("accounts", &ACCOUNT_COLUMNS, rows, suffix).await.map(drop)
    }
}
