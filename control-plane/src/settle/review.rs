//! The review desk: a person decides about one conversion that waits for one.
//!
//! What is asked is one of two questions. Under a hold (a rule's, a bot's click, news that came
//! before its order), or after a rule has rejected it: does it earn? And for news that changes it
//! back and that nobody can date: does the news count? A hold is answered first.

use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::ConversionId;
use model::id::TenantId;
use store::business_keys::BusinessKey;
use store::conversions::Conversion;
use store::conversions::RevisionDecision;
use store::conversions::RevisionEffect;
use store::conversions::RevisionRow;
use store::error::StoreError;
use store::unit::BatchTx;

use super::Changed;
use super::SettleError;
use super::SettleParts;
use super::save;
use crate::changed_back;
use crate::money::Books;
use crate::money::is_negative;
use crate::pipeline::counted;

/// How the reason of a rule's verdict begins.
const RULE: &str = "rule:";

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The tenant has no such conversion.
    #[error("conversion is not known")]
    NotFound,
    /// Nothing about it waits for a person, or not for this answer.
    #[error("conversion does not wait for a person")]
    NotOpen,
    /// The decision could not be posted.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        Self::Settle(error.into())
    }
}

/// Who decides, and why.
#[derive(Debug, Clone, Copy)]
pub struct Reviewer<'a> {
    /// Id of the key.
    pub by: &'a str,
    /// Kept with the conversion and shown.
    pub reason: Option<&'a str>,
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whether the conversion earns.
    Verdict,
    /// Whether news that changes it back counts.
    ChangedBack,
}

/// Where people decide. A cheap handle.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) parts: SettleParts,
}

impl Desk {
    pub(super) const fn new(parts: SettleParts) -> Self {
        Self { parts }
    }

    /// Answers yes. A hold ends, and it is released at once if its time is over; one that a rule
    /// had rejected is posted now; held news counts.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn approve(
        &self,
        tenant: TenantId,
        id: ConversionId,
        reviewer: Reviewer<'_>,
    ) -> Result<Conversion, ReviewError> {
        self.decide((tenant, id), (Decision::Approve, reviewer)).await
    }

    /// Answers no. Under a hold it earns nothing, and what was posted is mirrored; held news is
    /// dropped, and what is known stays.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn reject(
        &self,
        tenant: TenantId,
        id: ConversionId,
        reviewer: Reviewer<'_>,
    ) -> Result<Conversion, ReviewError> {
        self.decide((tenant, id), (Decision::Reject, reviewer)).await
    }

    async fn decide(
        &self,
        named: (TenantId, ConversionId),
        answer: (Decision, Reviewer<'_>),
    ) -> Result<Conversion, ReviewError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = self.decide_in(&mut tx, named, answer).await;
        tx.end(worked).await
    }

    async fn decide_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, ConversionId),
        (decision, reviewer): (Decision, Reviewer<'_>),
    ) -> Result<Conversion, ReviewError> {
        let now = self.parts.clock.now();
        let row = tx.conversions(tenant).get(id).await?;
        let mut row = row.ok_or(ReviewError::NotFound)?;
        let question = asked(&row, decision).ok_or(ReviewError::NotOpen)?;
        let mut held = tx.conversions(tenant).revisions(&[id]).await?;
        held.retain(|news| news.effect == RevisionEffect::Held);
        let before = counted(&row);
        let news = answered(&mut row, held, (question, decision), reviewer);
        let cause = row.revised_event;
        let mut books = Books::new(now, &self.parts.ids, reviewer.by);
        books.settle(&mut row, cause).map_err(SettleError::from)?;
        let changed = [Changed { row, counted: before }];
        save(tx, tenant, &books, &changed, now).await?;
        let [Changed { row, .. }] = changed;
        end_news(tx, (tenant, &row), &news, now).await?;
        Ok(row)
    }
}

/// What is asked about a conversion that this decision answers; nothing where nobody waits for a
/// person. What the outside took back earns nothing, whatever a rule had said.
fn asked(row: &Conversion, decision: Decision) -> Option<Question> {
    if changed_back::is_asked(row) {
        return Some(Question::ChangedBack);
    }
    let is_held = row.status == ConversionStatus::Pending && row.held_by.is_some();
    let of_rule = row.reason.as_deref().is_some_and(|reason| reason.starts_with(RULE));
    let is_rejected_by_rule = row.status == ConversionStatus::Rejected
        && row.verdict == Decision::Reject
        && of_rule
        && !is_negative(row.outside_status);
    let is_overruled = is_rejected_by_rule && decision == Decision::Approve;
    (is_held || is_overruled).then_some(Question::Verdict)
}

/// Lays an answer down in the conversion; the news that it ends.
fn answered(
    row: &mut Conversion,
    held: Vec<RevisionRow>,
    answer: (Question, Decision),
    reviewer: Reviewer<'_>,
) -> Vec<RevisionRow> {
    let why = reviewer.reason.map(str::to_owned);
    let decided = RevisionDecision { by: reviewer.by.to_owned(), why: why.clone() };
    row.reviewed_by = Some(decided.by.clone());
    match answer {
        (Question::ChangedBack, Decision::Approve) => {
            row.reason = why.or_else(|| row.reason.take());
            changed_back::apply(row, held, &decided)
        }
        (Question::ChangedBack, _) => {
            row.reason = why.or_else(|| row.reason.take());
            changed_back::decline(row, held, &decided)
        }
        (Question::Verdict, Decision::Approve) => {
            row.reason =
                why.or_else(|| row.reason.take().filter(|reason| !reason.starts_with(RULE)));
            row.verdict = Decision::Approve;
            row.held_by = None;
            if !held.is_empty() {
                changed_back::ask(row);
            }
            Vec::new()
        }
        (Question::Verdict, _) => {
            row.reason = why.or_else(|| row.reason.take());
            row.verdict = Decision::Reject;
            row.held_by = None;
            changed_back::decline(row, held, &decided)
        }
    }
}

/// Keeps what became of held news: its revision, its business key where it counts, its inbound.
async fn end_news(
    tx: &mut BatchTx,
    (tenant, row): (TenantId, &Conversion),
    news: &[RevisionRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    for one in news {
        tx.conversions(tenant).decide_revision(one).await?;
        let outcome = changed_back::outcome_of(one);
        tx.inbound(tenant).end_changed_back(one.event, outcome, now).await?;
        if one.effect == RevisionEffect::Applied {
            let key = BusinessKey {
                order: row.order.clone(),
                revision: one.revision,
                conversion: row.id,
                event: one.event,
                claim_index: one.claim_index,
            };
            tx.business_keys(tenant).claim(&[key]).await?;
        }
    }
    Ok(())
}
