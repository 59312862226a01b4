//! The worker: sends what rails build, asks what became of it, and says so.
//!
//! Before a byte leaves, the row says `sending` and that is committed. Whoever finds a payout in
//! `sending` under an old lease finds the crash of another worker: nobody knows what left, so it
//! becomes unknown, never sent again by a rail that does not promise to pay once.

use std::sync::Arc;
use std::time::Duration;

use model::clock::Timestamp;
use model::id::CaseId;
use model::id::TenantId;
use serde_json::json;
use store::cases::CaseKind;
use store::cases::CaseRow;
use store::payouts::PayoutRow;
use store::payouts::PayoutState;

use super::PayError;
use super::rail::Rail;
use super::rail::SendError;
use super::rail::Told;
use super::told;
use super::told::Teller;
use crate::settle::Settle;

/// Who the ledger says it was.
const AUTHOR: &str = "settle.pay";
/// How long until a payout is looked at again, by how often it was.
const BACK_OFF: [Duration; 3] =
    [Duration::from_mins(3), Duration::from_mins(5), Duration::from_mins(15)];
/// Payouts of one tenant worked on in one go at most.
const PAYOUTS_PER_RUN: u32 = 500;

impl Settle {
    /// Works on every payout that is due, one after the other. Answers how many there were.
    ///
    /// # Errors
    /// [`PayError`]; what was done before stays done.
    pub async fn send_due(&self) -> Result<u64, PayError> {
        let pay = &self.parts.pay;
        let sending: Vec<&str> = pay
            .rails
            .values()
            .filter(|rail| rail.capabilities().sends)
            .map(|rail| rail.name())
            .collect();
        if sending.is_empty() {
            return Ok(0);
        }
        let mut tx = self.parts.store.read_batch().await?;
        let tenants = tx.credit_keys().tenants().await?;
        tx.cancel().await?;
        let mut done = 0;
        for tenant in tenants {
            for _ in 0..PAYOUTS_PER_RUN {
                let Some(row) = self.lease(tenant, &sending).await? else { break };
                let Some(rail) = pay.rail(&row.rail).cloned() else { break };
                Box::pin(self.work(tenant, row, &rail)).await?;
                done += 1;
            }
        }
        Ok(done)
    }

    async fn lease(&self, tenant: TenantId, rails: &[&str]) -> Result<Option<PayoutRow>, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let (now, length) = (self.parts.clock.now(), self.parts.pay.lease);
        let row = tx.payouts(tenant).lease(rails, now, length).await?;
        if row.is_some() {
            tx.save().await?;
        } else {
            tx.cancel().await?;
        }
        Ok(row)
    }

    async fn work(
        &self,
        tenant: TenantId,
        row: PayoutRow,
        rail: &Arc<dyn Rail>,
    ) -> Result<(), PayError> {
        match row.state {
            PayoutState::Reserved => self.create(tenant, row, rail).await,
            PayoutState::Sending => {
                let why = "a worker stopped while it was sending".to_owned();
                self.tell(tenant, row, Told::Unknown(why)).await
            }
            _ => self.ask(tenant, row, rail).await,
        }
    }

    /// Sends a payout for the first time.
    async fn create(
        &self,
        tenant: TenantId,
        row: PayoutRow,
        rail: &Arc<dyn Rail>,
    ) -> Result<(), PayError> {
        let now = self.parts.clock.now();
        let Some(request) = rail.create(&row, now) else { return Ok(()) };
        let reserved = row.clone();
        let sending =
            PayoutRow { state: PayoutState::Sending, sends: row.sends + 1, updated_at: now, ..row };
        if !self.write(tenant, &sending, (PayoutState::Reserved, reserved.fence)).await? {
            return Ok(());
        }
        match self.parts.pay.egress.send(request).await {
            Ok(response) => {
                let told = rail.read(&sending, &response);
                self.tell(tenant, sending, told).await
            }
            Err(SendError::NotSent(why)) => {
                // Surely nothing left: it is reserved as before, and tried again later.
                let look_at = self.later(&sending);
                let back = PayoutRow {
                    detail: Some(why),
                    look_at,
                    leased_until: None,
                    sends: sending.sends,
                    ..reserved
                };
                self.write(tenant, &back, (PayoutState::Sending, sending.fence)).await.map(drop)
            }
            Err(error @ SendError::Lost(_)) => {
                self.tell(tenant, sending, Told::Unknown(error.to_string())).await
            }
        }
    }

    /// Asks what became of a payout; where nobody can be asked and the rail promises to pay an id
    /// once, the same request is sent again.
    async fn ask(
        &self,
        tenant: TenantId,
        row: PayoutRow,
        rail: &Arc<dyn Rail>,
    ) -> Result<(), PayError> {
        let now = self.parts.clock.now();
        let can = rail.capabilities();
        let request = if can.has_status {
            rail.status(&row, now)
        } else if can.idempotent_create && row.state == PayoutState::Unknown {
            rail.create(&row, now)
        } else {
            None
        };
        let told = match request {
            None => Told::Unknown("nobody can be asked".to_owned()),
            Some(request) => match self.parts.pay.egress.send(request).await {
                Ok(response) => rail.read(&row, &response),
                Err(error) => Told::Unknown(error.to_string()),
            },
        };
        let told = match told {
            // Not knowing more than before is no news of what the rail has accepted.
            Told::Unknown(_) if row.state == PayoutState::Accepted => Told::Accepted,
            told => told,
        };
        self.tell(tenant, PayoutRow { sends: row.sends + 1, ..row }, told).await
    }

    /// Writes what was learned. A state that stays as it was only waits longer.
    async fn tell(&self, tenant: TenantId, mut row: PayoutRow, told: Told) -> Result<(), PayError> {
        row.look_at = self.later(&row);
        let before = (row.state, row.fence);
        let teller = Teller {
            ids: &self.parts.ids,
            now: self.parts.clock.now(),
            author: AUTHOR,
            by: None,
            evidence: None,
        };
        let mut tx = self.parts.store.begin_batch().await?;
        let written = match told::tell(&mut tx, (tenant, &row), told, teller).await {
            Ok(written) => written,
            Err(PayError::NotNow(why)) => {
                tx.cancel().await?;
                // Somebody else was faster, or a person: what stands there counts.
                tracing::warn!(payout = %row.id, why, "settle.pay: news came too late");
                return Ok(());
            }
            Err(error) => {
                tx.cancel().await?;
                return Err(error);
            }
        };
        if written.state == before.0 {
            let waits = PayoutRow { leased_until: None, ..written };
            tx.payouts(tenant).advance(&waits, before).await?;
        } else if written.state == PayoutState::Unknown {
            tx.cases(tenant).open(&[self.case(&written)]).await?;
        }
        Ok(tx.save().await?)
    }

    async fn write(
        &self,
        tenant: TenantId,
        row: &PayoutRow,
        before: (PayoutState, i64),
    ) -> Result<bool, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let is_ours = tx.payouts(tenant).advance(row, before).await?;
        tx.save().await?;
        Ok(is_ours)
    }

    fn later(&self, row: &PayoutRow) -> Timestamp {
        let tried = usize::try_from(row.sends.saturating_sub(1)).unwrap_or(0);
        let pause = BACK_OFF.get(tried).copied().unwrap_or(BACK_OFF[BACK_OFF.len() - 1]);
        self.parts.clock.now() + pause
    }

    fn case(&self, row: &PayoutRow) -> CaseRow {
        let now = self.parts.clock.now();
        CaseRow {
            id: self.parts.ids.make(|rng| CaseId::new(now, rng)),
            kind: CaseKind::PayoutUnknown,
            subject: row.id.to_string(),
            detail: json!({ "rail": row.rail, "detail": row.detail }),
            opened_at: now,
            closed_at: None,
        }
    }
}
