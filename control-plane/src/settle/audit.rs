//! The checks A1 to A12: each a number that must be zero.
//!
//! They read rows and journal sequences, never the program's own counters, and none of them trusts
//! the code that wrote the rows.

use model::clock::Timestamp;
use model::id::EventId;
use model::id::TenantId;
use store::error::StoreResult;
use store::unit::Store;

mod books;
mod flow;
#[cfg(test)]
mod tests;

pub(super) use books::transaction_of;

/// One check and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// `A1` to `A12`.
    pub check: &'static str,
    /// 0: nothing is wrong.
    pub value: i64,
    /// What was looked at and, if anything is wrong, where.
    pub detail: String,
}

/// What a journal says of one partition of accepted inbounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Names the row of the consumer's offset: the journal.
    pub topic: String,
    /// See `topic`: the lane.
    pub part: String,
    /// The last sequence that is durable; 0: none.
    pub last_seq: u64,
    /// The last of those accepted at least 60 s ago; 0: none. Younger ones may be in flight.
    pub settled_seq: u64,
    /// Sequences that a damaged range took, already reported by the journal.
    pub missing: u64,
}

/// What stands outside the database: the journal.
pub trait Evidence {
    /// Every partition of accepted inbounds.
    fn accepted(&self) -> Vec<Accepted>;

    /// Some accepted events older than 60 s, picked without asking the database.
    fn sampled(&self) -> Vec<(TenantId, EventId)>;
}

/// No journal at hand: A6 and A11 then say what they could not look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvidence;

impl Evidence for NoEvidence {
    fn accepted(&self) -> Vec<Accepted> {
        Vec::new()
    }

    fn sampled(&self) -> Vec<(TenantId, EventId)> {
        Vec::new()
    }
}

/// Runs every check over all tenants, in order.
///
/// # Errors
/// [`store::error::StoreError`] when the database cannot be read; a wrong number is an answer, not
/// an error.
pub async fn run(store: &Store, evidence: &(dyn Evidence + Sync)) -> StoreResult<Vec<CheckResult>> {
    let mut tx = store.read_sys().await?;
    let mut facts = tx.audit();
    let mut checks = vec![
        books::unbalanced_transactions(&mut facts).await?,
        books::trial_balance(&mut facts).await?,
        books::stored_balances(&mut facts).await?,
        books::negative_accounts(&mut facts).await?,
        flow::doubled_keys(&mut facts).await?,
        flow::conservation(&mut facts, evidence).await?,
        books::payouts_in_clearing(&mut facts).await?,
        books::payouts_without_reference(&mut facts).await?,
    ];
    checks.push(books::hash_chain(&mut facts).await?);
    checks.push(books::reversals(&mut facts).await?);
    checks.push(flow::sampled_events(&mut facts, evidence).await?);
    checks.push(books::withheld_tax(&mut facts).await?);
    tx.cancel().await?;
    Ok(checks)
}

fn result(check: &'static str, wrong: &[String], looked_at: &str) -> CheckResult {
    let value = i64::try_from(wrong.len()).unwrap_or(i64::MAX);
    let detail = match wrong.first() {
        Some(first) => format!("{looked_at}; first: {first}"),
        None => looked_at.to_owned(),
    };
    CheckResult { check, value, detail }
}

/// Age from which an accepted inbound must be known.
pub const IN_FLIGHT_MAX: std::time::Duration = std::time::Duration::from_mins(1);

/// The instant before which everything accepted must be known at `now`.
#[must_use]
pub fn settled_before(now: Timestamp) -> Timestamp {
    now - IN_FLIGHT_MAX
}
