//! The back office: corrections that two people agree on, payments that are booked once.

use ledger::Account;
use ledger::Action;
use ledger::Command;
use ledger::Debtor;
use ledger::Evidence;
use ledger::Leg;
use ledger::Move;
use ledger::MoveKind;
use ledger::Subject;
use ledger::Word;
use model::clock::Timestamp;
use model::id::AdjustmentId;
use model::id::AdvertiserId;
use model::id::PaymentId;
use model::id::TenantId;
use model::id::TransactionId;
use model::money::Money;
use store::error::StoreError;
use store::office::AdjustmentRow;
use store::office::AdjustmentStatus;
use store::office::LockedPeriod;
use store::office::PaymentKind;
use store::office::PaymentRow;
use store::payouts::Payee;
use store::unit::BatchTx;

use super::Desk;
use super::pay::PayError;

/// An advertiser's payment as it is booked.
#[derive(Debug, Clone)]
pub struct Received {
    /// Who paid.
    pub advertiser: AdvertiserId,
    /// How much.
    pub amount: Money,
    /// On which bank account or rail it stands.
    pub account: Word,
    /// The bank's own name of it: booked once.
    pub reference: String,
    /// Id of the key that books it.
    pub by: String,
}

impl Desk {
    /// Decides a correction: whoever asked for it may not.
    ///
    /// # Errors
    /// [`PayError::SamePerson`], [`PayError::NotNow`]; nothing is posted.
    pub async fn decide_adjustment(
        &self,
        (tenant, id): (TenantId, AdjustmentId),
        status: AdjustmentStatus,
        by: &str,
    ) -> Result<AdjustmentRow, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.decide_adjustment_in(&mut tx, (tenant, id), (status, by))).await;
        tx.end(worked).await
    }

    async fn decide_adjustment_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, AdjustmentId),
        (status, by): (AdjustmentStatus, &str),
    ) -> Result<AdjustmentRow, PayError> {
        let row = tx.office(tenant).adjustment(id).await?;
        let mut row = row.ok_or(PayError::NotFound)?;
        if row.status != AdjustmentStatus::Proposed {
            return Err(PayError::NotNow(format!("the correction is {}", row.status)));
        }
        if row.made_by == by {
            return Err(PayError::SamePerson);
        }
        let now = self.parts.clock.now();
        row.status = status;
        row.decided_by = Some(by.to_owned());
        row.decided_at = Some(now);
        if status == AdjustmentStatus::Approved {
            let transaction = self.parts.ids.make(|rng| TransactionId::new(now, rng));
            let command = adjusting(&row, transaction, now);
            tx.ledger(tenant).post(&[command], now).await?;
            row.transaction = Some(transaction);
        }
        if tx.office(tenant).decide_adjustment(&row).await? {
            Ok(row)
        } else {
            Err(PayError::NotNow("somebody else was faster".to_owned()))
        }
    }

    /// Books what an advertiser has paid.
    ///
    /// # Errors
    /// [`PayError::NotNow`] for a reference that was booked before.
    pub async fn receive(
        &self,
        tenant: TenantId,
        received: &Received,
    ) -> Result<PaymentRow, PayError> {
        let now = self.parts.clock.now();
        let (id, transaction) =
            self.parts.ids.make(|rng| (PaymentId::new(now, rng), TransactionId::new(now, rng)));
        let Received { advertiser, amount, account, reference, by } = received;
        let row = PaymentRow {
            id,
            kind: PaymentKind::Advertiser,
            subject: advertiser.to_string(),
            amount_minor: amount.minor,
            currency: amount.currency,
            account: account.to_string(),
            reference: reference.clone(),
            made_by: by.clone(),
            transaction,
            created_at: now,
        };
        let debtor = Debtor::Advertiser(*advertiser);
        let legs = vec![
            Leg::debit(Account::provider_cash(*account, amount.currency), amount.minor),
            Leg::credit(Account::receivable(debtor, amount.currency), amount.minor),
        ];
        let moved = Move { kind: MoveKind::AdvertiserPaid, reverses: None, legs };
        let facts = [("reference", reference.clone()), ("account", account.to_string())];
        let command = Command {
            transaction,
            subject: Subject::Payment(id),
            action: Action::Move(moved),
            evidence: evidence(now, by, facts),
        };
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(book(&mut tx, tenant, (&row, command))).await;
        tx.end(worked).await?;
        Ok(row)
    }

    /// Locks a month.
    ///
    /// # Errors
    /// [`PayError::Store`].
    pub async fn lock_period(
        &self,
        tenant: TenantId,
        (month, from, to): (&str, Timestamp, Timestamp),
        by: &str,
    ) -> Result<LockedPeriod, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let head_seq = tx.ledger(tenant).head().await?.map_or(0, |(seq, _)| seq);
        let row = LockedPeriod {
            month: month.to_owned(),
            from,
            to,
            locked_by: by.to_owned(),
            locked_at: self.parts.clock.now(),
            head_seq,
        };
        tx.office(tenant).lock(&row).await?;
        let locked = tx.office(tenant).locked().await?;
        tx.save().await?;
        Ok(locked.into_iter().find(|one| one.month == month).unwrap_or(row))
    }
}

/// Writes a payment and posts it, once for every reference.
async fn book(
    tx: &mut BatchTx,
    tenant: TenantId,
    (row, command): (&PaymentRow, Command),
) -> Result<(), PayError> {
    match tx.office(tenant).insert_payment(row).await {
        Err(StoreError::Unique(_)) => {
            return Err(PayError::NotNow("this reference is booked already".to_owned()));
        }
        other => other?,
    }
    tx.ledger(tenant).post(&[command], row.created_at).await?;
    Ok(())
}

/// A correction against the platform's own income.
fn adjusting(row: &AdjustmentRow, transaction: TransactionId, now: Timestamp) -> Command {
    let available = match row.payee {
        Payee::Publisher(id) => Account::publisher_available(id, row.currency),
        Payee::Shopper(id) => Account::shopper_available(id, row.currency),
    };
    let legs = vec![
        Leg::debit(Account::fee_earned(row.currency), row.amount_minor),
        Leg::credit(available, row.amount_minor),
    ];
    let decided_by = row.decided_by.clone().unwrap_or_default();
    let conversion = row.conversion.map(|id| id.to_string()).unwrap_or_default();
    let facts = [
        ("reason", row.reason.clone()),
        ("made_by", row.made_by.clone()),
        ("decided_by", decided_by.clone()),
        ("conversion", conversion),
    ];
    Command {
        transaction,
        subject: Subject::Adjustment(row.id),
        action: Action::Move(Move { kind: MoveKind::Adjust, reverses: None, legs }),
        evidence: evidence(now, &decided_by, facts),
    }
}

fn evidence<const N: usize>(at: Timestamp, by: &str, facts: [(&str, String); N]) -> Evidence {
    let facts = facts.into_iter().filter_map(|(name, value)| Some((Word::parse(name)?, value)));
    Evidence { at, author: by.to_owned(), facts: facts.collect() }
}
