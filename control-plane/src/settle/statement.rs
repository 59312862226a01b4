//! Statements: what somebody had, what moved, what they have then. Made from postings alone, so
//! that a line can be followed to its transaction, its conversion, and its link of the hash chain.

use std::collections::BTreeMap;

use ledger::Account;
use ledger::AccountKind;
use model::clock::Timestamp;
use model::money::Currency;
use store::error::StoreResult;
use store::ledger::HASH_BYTES;
use store::ledger::Line;
use store::unit::TenantTx;

/// What moved in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfCurrency {
    pub(crate) currency: Currency,
    /// By kind of account; tax components of one kind together.
    pub(crate) opening: BTreeMap<AccountKind, i64>,
    pub(crate) closing: BTreeMap<AccountKind, i64>,
    pub(crate) lines: Vec<Line>,
}

/// A statement of one owner over one span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// By currency.
    pub(crate) currencies: Vec<OfCurrency>,
    /// Where the tenant's chain stands.
    pub(crate) head: Option<(i64, [u8; HASH_BYTES])>,
}

/// Makes a statement of an owner (`pub_…`, `adv_…`, `shp_…`).
pub(crate) async fn statement(
    tx: &mut TenantTx,
    owner: &str,
    (from, to): (Timestamp, Timestamp),
) -> StoreResult<Statement> {
    let accounts = tx.ledger().accounts(Some(owner)).await?;
    let keys: Vec<Account> = accounts.iter().map(|row| row.account).collect();
    let lines = tx.ledger().lines(&keys, from).await?;
    let head = tx.ledger().head().await?;
    let mut found: BTreeMap<Currency, OfCurrency> = BTreeMap::new();
    for row in &accounts {
        let currency = row.account.currency();
        let of = found.entry(currency).or_insert_with(|| empty(currency));
        for balances in [&mut of.opening, &mut of.closing] {
            *balances.entry(row.account.kind()).or_default() += row.balance_minor;
        }
    }
    for line in lines {
        let currency = line.account.currency();
        let of = found.entry(currency).or_insert_with(|| empty(currency));
        let kind = line.account.kind();
        // Balances are those of now: what moved since is taken off again.
        *of.opening.entry(kind).or_default() -= line.change_minor;
        if line.at >= to {
            *of.closing.entry(kind).or_default() -= line.change_minor;
        } else {
            of.lines.push(line);
        }
    }
    Ok(Statement { currencies: found.into_values().collect(), head })
}

const fn empty(currency: Currency) -> OfCurrency {
    OfCurrency { currency, opening: BTreeMap::new(), closing: BTreeMap::new(), lines: Vec::new() }
}

/// What an account is called in a statement.
pub(crate) const fn word(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::PublisherPending | AccountKind::ShopperPending => "pending",
        AccountKind::PublisherAvailable | AccountKind::ShopperAvailable => "available",
        AccountKind::ClawbackReceivable => "owed",
        AccountKind::AdvanceReceivable => "advanced",
        AccountKind::AdvertiserReceivable => "receivable",
        other => other.as_str(),
    }
}
