//! What became of a payout: the one place that changes its state, together with its postings.

use ledger::Account;
use ledger::Action;
use ledger::Command;
use ledger::Evidence;
use ledger::LedgerError;
use ledger::Leg;
use ledger::Move;
use ledger::MoveKind;
use ledger::Subject;
use ledger::Word;
use model::clock::Timestamp;
use model::id::CaseId;
use model::id::TenantId;
use model::id::TransactionId;
use serde_json::Value as Json;
use serde_json::json;
use store::cases::CaseKind;
use store::cases::CaseRow;
use store::error::StoreError;
use store::ledger::PostError;
use store::payouts::Payee;
use store::payouts::PayoutRow;
use store::payouts::PayoutState;
use store::unit::BatchTx;

use super::rail::Told;
use crate::pipeline::IdSource;

/// Why something about payouts was not done. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// The tenant has no such payout or run.
    #[error("not known")]
    NotFound,
    /// It is not in a state in which this may happen.
    #[error("{0}")]
    NotNow(String),
    /// The same person may not do both.
    #[error("a second person is needed")]
    SamePerson,
    /// Something in the input is wrong.
    #[error("{0}")]
    Input(String),
    /// The ledger refused.
    #[error("ledger refused")]
    Ledger(#[from] LedgerError),
    /// The database refused.
    #[error("database failed")]
    Store(#[from] StoreError),
}

impl From<PostError> for PayError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Ledger { source, .. } => Self::Ledger(source),
            PostError::Store(source) => Self::Store(source),
        }
    }
}

/// How a person settles an unknown payout.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// What became of it.
    pub told: Told,
    /// What proves it.
    pub evidence: String,
    /// Id of the key.
    pub by: String,
}

/// Who learned something, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) ids: &'a IdSource,
    pub(super) now: Timestamp,
    pub(super) author: &'a str,
    /// A person settles it by hand.
    pub(super) by: Option<&'a str>,
    pub(super) evidence: Option<&'a str>,
}

/// Accounts of a payee and its rail.
pub(super) struct Accounts {
    pub(super) available: Account,
    pub(super) clearing: Account,
    cash: Account,
}

impl Accounts {
    pub(super) fn of(row: &PayoutRow) -> Result<Self, PayError> {
        let rail = Word::parse(&row.rail);
        let rail = rail.ok_or_else(|| PayError::Input(format!("{} is no rail", row.rail)))?;
        let available = match row.payee {
            Payee::Publisher(id) => Account::publisher_available(id, row.currency),
            Payee::Shopper(id) => Account::shopper_available(id, row.currency),
        };
        Ok(Self {
            available,
            clearing: Account::payout_clearing(rail, row.currency),
            cash: Account::provider_cash(rail, row.currency),
        })
    }
}

/// Writes what was told of a payout. What changes nothing that is final is no error: callbacks come
/// twice, and late.
///
/// # Errors
/// [`PayError::NotNow`] for news that cannot follow on the state it is in.
pub(super) async fn tell(
    tx: &mut BatchTx,
    (tenant, row): (TenantId, &PayoutRow),
    told: Told,
    teller: Teller<'_>,
) -> Result<PayoutRow, PayError> {
    let before = (row.state, row.fence);
    let mut row = row.clone();
    let mut problem = None;
    let next = match told {
        Told::Accepted => PayoutState::Accepted,
        Told::Unknown(why) => {
            row.detail = Some(why);
            PayoutState::Unknown
        }
        Told::Declined(why) => {
            row.detail = Some(why);
            PayoutState::Declined
        }
        Told::Returned(why) => {
            row.detail = Some(why);
            PayoutState::Returned
        }
        Told::Paid { reference, amount } => {
            problem = doubt(tx, (tenant, &row), (&reference, amount)).await?;
            if let Some(problem) = &problem {
                row.detail = Some(problem.to_string());
                PayoutState::Unknown
            } else if row.state == PayoutState::Paid {
                return already(&row, &reference);
            } else {
                row.rail_reference = Some(reference);
                PayoutState::Paid
            }
        }
    };
    if let Some(problem) = problem {
        open_case(tx, (tenant, &row), problem, teller).await?;
        if row.state == PayoutState::Paid || row.state == PayoutState::Unknown {
            return Ok(row);
        }
    }
    if next == row.state {
        return Ok(row);
    }
    if !row.state.may_become(next) {
        let text = format!("a payout that is {} does not become {next}", row.state);
        return Err(PayError::NotNow(text));
    }
    row.state = next;
    row.updated_at = teller.now;
    row.leased_until = None;
    row.resolved_by = teller.by.map(str::to_owned).or(row.resolved_by);
    if let Some(moved) = moves(&row)? {
        post(tx, tenant, &row, moved, teller).await?;
    }
    if tx.payouts(tenant).advance(&row, before).await? {
        Ok(row)
    } else {
        Err(PayError::NotNow("somebody else was faster".to_owned()))
    }
}

/// The same payment told again is no news; another one for the same payout is for a person.
fn already(row: &PayoutRow, reference: &str) -> Result<PayoutRow, PayError> {
    if row.rail_reference.as_deref() == Some(reference) {
        return Ok(row.clone());
    }
    Err(PayError::NotNow("it was paid under another reference".to_owned()))
}

/// What speaks against believing a payment.
async fn doubt(
    tx: &mut BatchTx,
    (tenant, row): (TenantId, &PayoutRow),
    (reference, amount): (&str, Option<model::money::Money>),
) -> Result<Option<Json>, StoreError> {
    let other = tx.payouts(tenant).by_reference(&row.rail, reference).await?;
    if let Some(other) = other.filter(|other| *other != row.id) {
        return Ok(Some(json!({
            "difference": "reference_used_twice", "reference": reference,
            "other_payout_id": other.to_string(),
        })));
    }
    let Some(paid) = amount else { return Ok(None) };
    if paid.minor == row.amount_minor && paid.currency == row.currency {
        return Ok(None);
    }
    let asked = model::money::Money::new(row.amount_minor, row.currency);
    Ok(Some(json!({
        "difference": "amount", "asked": asked.to_string(), "paid": paid.to_string(),
        "reference": reference,
    })))
}

async fn open_case(
    tx: &mut BatchTx,
    (tenant, row): (TenantId, &PayoutRow),
    detail: Json,
    teller: Teller<'_>,
) -> Result<(), StoreError> {
    let case = CaseRow {
        id: teller.ids.make(|rng| CaseId::new(teller.now, rng)),
        kind: CaseKind::PayoutDifference,
        subject: row.id.to_string(),
        detail,
        opened_at: teller.now,
        closed_at: None,
    };
    // A rail is asked again and again, and says the same every time.
    tx.cases(tenant).open_once(case).await
}

/// What moves when a payout comes into its state.
fn moves(row: &PayoutRow) -> Result<Option<Move>, PayError> {
    let Accounts { available, clearing, cash } = Accounts::of(row)?;
    let amount = row.amount_minor;
    let moved = |kind, reverses, from, to| {
        Some(Move { kind, reverses, legs: vec![Leg::debit(from, amount), Leg::credit(to, amount)] })
    };
    Ok(match row.state {
        PayoutState::Paid => moved(MoveKind::PayoutPaid, None, clearing, cash),
        PayoutState::Declined => {
            moved(MoveKind::PayoutDeclined, Some(row.reserved_by), clearing, available)
        }
        PayoutState::Returned => moved(MoveKind::PayoutReturned, None, cash, available),
        PayoutState::Created
        | PayoutState::Reserved
        | PayoutState::Sending
        | PayoutState::Accepted
        | PayoutState::Unknown => None,
    })
}

async fn post(
    tx: &mut BatchTx,
    tenant: TenantId,
    row: &PayoutRow,
    moved: Move,
    teller: Teller<'_>,
) -> Result<(), PayError> {
    let transaction = teller.ids.make(|rng| TransactionId::new(teller.now, rng));
    let command = command_of(row, (transaction, moved), teller);
    tx.ledger(tenant).post(&[command], teller.now).await?;
    Ok(())
}

/// A movement of a payout with every input it used.
pub(super) fn command_of(
    row: &PayoutRow,
    (transaction, moved): (TransactionId, Move),
    teller: Teller<'_>,
) -> Command {
    let facts = [
        ("run", Some(row.run.to_string())),
        ("rail", Some(row.rail.clone())),
        ("request_id", Some(row.request_id.clone())),
        ("reference", row.rail_reference.clone()),
        ("detail", row.detail.clone()),
        ("resolved_by", teller.by.map(str::to_owned)),
        ("evidence", teller.evidence.map(str::to_owned)),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((Word::parse(name)?, value?)));
    Command {
        transaction,
        subject: Subject::Payout(row.id),
        action: Action::Move(moved),
        evidence: Evidence {
            at: teller.now,
            author: teller.author.to_owned(),
            facts: facts.collect(),
        },
    }
}
