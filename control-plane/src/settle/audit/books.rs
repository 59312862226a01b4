//! Checks of the ledger's own rows.

use ledger::Account;
use ledger::Basis;
use ledger::Posting;
use ledger::Transaction;
use model::id::TenantId;
use store::audit::Audit;
use store::audit::Difference;
use store::error::StoreResult;
use store::ledger::HASH_BYTES;
use store::ledger::TransactionRow;
use store::ledger::chain_hash;

use super::CheckResult;
use super::result;

/// Rows walked through at a time.
const WALK_ROWS: u32 = 500;

fn named(differences: &[Difference]) -> Vec<String> {
    let name = |one: &Difference| format!("{} {} {}", one.tenant, one.subject, one.amount);
    differences.iter().map(name).collect()
}

/// A1: debits less credits of each transaction and currency.
pub(super) async fn unbalanced_transactions(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A1", &named(&facts.unbalanced().await?), "transactions that do not balance"))
}

/// A2: trial balance per tenant and currency.
pub(super) async fn trial_balance(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A2", &named(&facts.trial().await?), "currencies whose debits and credits differ"))
}

/// A3: stored balances less balances recomputed from postings.
pub(super) async fn stored_balances(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A3", &named(&facts.balances().await?), "balances that differ from their postings"))
}

/// A4: accounts below zero that may not be.
pub(super) async fn negative_accounts(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A4", &named(&facts.negative().await?), "accounts below zero"))
}

/// A7: clearing less payouts on their way.
pub(super) async fn payouts_in_clearing(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A7", &named(&facts.clearing().await?), "clearing that differs from its payouts"))
}

/// A8: paid without a reference, references used twice.
pub(super) async fn payouts_without_reference(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A8", &named(&facts.references().await?), "payouts without a reference of their own"))
}

/// A10: reversals of what is not there or was reversed before.
pub(super) async fn reversals(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    Ok(result("A10", &named(&facts.reversals().await?), "reversals that do not fit an accrual"))
}

/// A9: breaks in the hash chain, holes in a sequence.
pub(super) async fn hash_chain(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    let mut wrong = Vec::new();
    let mut walked: i64 = 0;
    for tenant in facts.tenants().await? {
        let (mut seq, mut previous) = (0, [0; HASH_BYTES]);
        loop {
            let rows = facts.transactions(tenant, seq, WALK_ROWS).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                walked += 1;
                wrong.extend(broken_link(tenant, row, (seq, &previous)));
                (seq, previous) = (row.seq, row.hash);
            }
        }
    }
    Ok(result("A9", &wrong, &format!("{walked} transactions in their chains")))
}

fn broken_link(
    tenant: TenantId,
    row: &TransactionRow,
    (seq, previous): (i64, &[u8; HASH_BYTES]),
) -> Option<String> {
    let place = format!("{tenant} {}", row.seq);
    if row.seq != seq + 1 {
        return Some(format!("{place} follows {seq}"));
    }
    if row.previous_hash != *previous {
        return Some(format!("{place} names another link before it"));
    }
    let Some(transaction) = transaction_of(row) else {
        return Some(format!("{place} has an unreadable posting"));
    };
    let hash = chain_hash(previous, tenant, row.seq, row.at, &transaction);
    (hash != row.hash).then(|| format!("{place} does not have the hash of its content"))
}

/// A stored transaction as the ledger made it; `None` for an account that cannot be read.
pub(in crate::settle) fn transaction_of(row: &TransactionRow) -> Option<Transaction> {
    let mut postings = Vec::with_capacity(row.postings.len());
    for posting in &row.postings {
        let account = Account::parse_key(&posting.account).ok()?;
        let (side, amount_minor) = (posting.side, posting.amount_minor);
        postings.push(Posting { account, side, amount_minor });
    }
    Some(Transaction {
        id: row.id,
        conversion: row.conversion,
        reverses: row.reverses,
        amends: row.amends,
        memo: row.memo.clone(),
        postings,
    })
}

/// A12: tax withheld less tax recomputed from the rates each released conversion was made with.
pub(super) async fn withheld_tax(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for tenant in facts.tenants().await? {
        let mut due: i64 = 0;
        let mut after = String::new();
        loop {
            let rows = facts.released(tenant, &after, WALK_ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = last.id.to_string();
            for row in &rows {
                looked_at += 1;
                let (charge, rates) = (row.split.charge, &row.rates);
                let (fee, share, taxes) = (rates.fee, rates.share, rates.taxes.clone());
                match ledger::split(&Basis { charge, fee, share, taxes }) {
                    Ok(split) => {
                        let tax = split.tax().minor.saturating_add(split.shortfall().minor);
                        due = due.saturating_add(tax);
                    }
                    Err(error) => wrong.push(format!("{tenant} {}: {error}", row.id)),
                }
            }
        }
        let withheld = facts.withheld(tenant).await?;
        if withheld != due {
            wrong.push(format!("{tenant} withheld {withheld}, recomputed {due}"));
        }
    }
    Ok(result("A12", &wrong, &format!("{looked_at} released conversions")))
}
