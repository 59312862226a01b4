//! The register of withheld tax: per person, what was earned, what was kept back, and from which
//! postings. It says exactly what the ledger says; a rate is the operator's to confirm.

use std::collections::BTreeMap;

use ledger::Account;
use ledger::AccountKind;
use ledger::Owner;
use ledger::Word;
use model::clock::Timestamp;
use model::id::PublisherId;
use model::money::Currency;
use store::error::StoreResult;
use store::ledger::LedgerBooks;

/// One person in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Withheld {
    /// Gross of what was released, less what was taken back: net and tax.
    pub(crate) income_minor: i64,
    /// By component.
    pub(crate) components: BTreeMap<Word, i64>,
}

impl Withheld {
    pub(crate) fn tax_minor(&self) -> i64 {
        self.components.values().sum()
    }
}

/// The register of a span, by person and currency.
pub(crate) async fn register(
    books: &mut LedgerBooks<'_>,
    (from, to): (Timestamp, Timestamp),
) -> StoreResult<BTreeMap<(PublisherId, Currency), Withheld>> {
    let accounts = books.accounts(None).await?;
    let is_theirs = |account: &Account| {
        matches!(account.owner(), Owner::Publisher(_))
            && matches!(
                account.kind(),
                AccountKind::PublisherAvailable
                    | AccountKind::ClawbackReceivable
                    | AccountKind::AdvanceReceivable
                    | AccountKind::TaxWithheld
            )
    };
    let keys: Vec<Account> =
        accounts.iter().map(|row| row.account).filter(|account| is_theirs(account)).collect();
    let mut found: BTreeMap<(PublisherId, Currency), Withheld> = BTreeMap::new();
    for line in books.lines(&keys, from).await? {
        let Owner::Publisher(publisher) = line.account.owner() else { continue };
        // An advance is no income: its release is.
        let is_income = line.conversion.is_some() && !line.memo.starts_with("advance ");
        if line.at >= to || !is_income {
            continue;
        }
        let row = found.entry((publisher, line.account.currency())).or_default();
        match line.account.kind() {
            AccountKind::TaxWithheld => {
                row.income_minor += line.change_minor;
                if let Some(component) = line.account.component() {
                    *row.components.entry(component).or_default() += line.change_minor;
                }
            }
            // Debts and advances grow on the other side.
            AccountKind::ClawbackReceivable | AccountKind::AdvanceReceivable => {
                row.income_minor -= line.change_minor;
            }
            _ => row.income_minor += line.change_minor,
        }
    }
    Ok(found)
}
