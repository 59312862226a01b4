//! Runs: everybody with enough available gets one payout, all in one database transaction.
//!
//! Two runs at once are one after the other under the ledger's lock: the second finds nothing
//! available.

use ledger::Account;
use ledger::AccountKind;
use ledger::Leg;
use ledger::Move;
use ledger::MoveKind;
use ledger::Owner;
use ledger::TaxRegime;
use model::clock::Timestamp;
use model::id::PayoutId;
use model::id::PayoutRunId;
use model::id::PublisherId;
use model::id::TenantId;
use model::id::TransactionId;
use model::money::Money;
use serde_json::Value as Json;
use serde_json::json;
use store::ledger::AccountRow;
use store::listing::Reach;
use store::payouts::Payee;
use store::payouts::PayoutRow;
use store::payouts::PayoutState;
use store::payouts::RunRow;
use store::payouts::RunState;
use store::unit::BatchTx;

use super::PayError;
use super::ceilings::Incomes;
use super::file;
use super::rail::Told;
use super::rail::Wanted;
use super::told;
use super::told::Accounts;
use super::told::Resolution;
use super::told::Teller;
use crate::settle::Desk;

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Decimal text in whatever currency: less is left where it is.
    pub minimum: Option<String>,
    /// Only these.
    pub publishers: Vec<PublisherId>,
    /// This rail for everybody.
    pub rail: Option<String>,
    /// Looks only.
    pub dry_run: bool,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Made {
    /// Absent after a dry run.
    pub run: RunRow,
    /// In the order of their payees.
    pub payouts: Vec<PayoutRow>,
}

/// Somebody with money to get.
struct Claimant {
    payee: Payee,
    amount: Money,
    rail: String,
    destination: String,
    name: String,
}

impl Desk {
    /// Whether there is a rail of a name.
    #[must_use]
    pub fn has_rail(&self, name: &str) -> bool {
        self.parts.pay.rail(name).is_some()
    }

    /// Makes a run.
    ///
    /// # Errors
    /// [`PayError`]; nothing of it stays.
    pub async fn pay(&self, tenant: TenantId, asked: &Asked, by: &str) -> Result<Made, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let made = Box::pin(self.pay_in(&mut tx, tenant, (asked, by))).await;
        match made {
            Ok(made) if !asked.dry_run && !made.payouts.is_empty() => {
                tx.save().await?;
                Ok(made)
            }
            other => {
                tx.cancel().await?;
                other
            }
        }
    }

    async fn pay_in(
        &self,
        tx: &mut BatchTx,
        tenant: TenantId,
        (asked, by): (&Asked, &str),
    ) -> Result<Made, PayError> {
        let now = self.parts.clock.now();
        let run = self.parts.ids.make(|rng| PayoutRunId::new(now, rng));
        let incomes = Incomes::read(tx, tenant, now).await?;
        let mut skipped = Vec::new();
        let mut payouts = Vec::new();
        let mut last = PayoutId(0);
        for AccountRow { account, balance_minor } in tx.ledger(tenant).available().await? {
            let amount = Money::new(balance_minor, account.currency());
            let claimant =
                match self.claimant(tx, tenant, (&account, amount), (asked, &incomes)).await? {
                    Ok(claimant) => claimant,
                    Err(None) => continue,
                    Err(Some(why)) => {
                        skipped.push(skip(&account, amount, &why));
                        continue;
                    }
                };
            last = self.parts.ids.make(|rng| PayoutId::after(last, now, rng));
            match self.payout(&claimant, (last, run), now) {
                Ok(row) => payouts.push(row),
                Err(why) => skipped.push(skip(&account, amount, &why)),
            }
        }
        let state = if self.waits(&payouts) { RunState::Waiting } else { RunState::Approved };
        let run = RunRow {
            id: run,
            state,
            rail: asked.rail.clone(),
            made_by: by.to_owned(),
            decided_by: None,
            skipped: Json::Array(skipped),
            created_at: now,
            decided_at: None,
        };
        if !payouts.is_empty() {
            self.reserve(tx, tenant, &mut payouts, by).await?;
            tx.payouts(tenant).insert_run(&run).await?;
            tx.payouts(tenant).insert(&payouts).await?;
        }
        Ok(Made { run, payouts })
    }

    /// Whether a second person must agree: the sum of any currency decides.
    fn waits(&self, payouts: &[PayoutRow]) -> bool {
        payouts.iter().any(|one| {
            let of_currency = payouts.iter().filter(|row| row.currency == one.currency);
            let sum = of_currency.fold(0_i64, |sum, row| sum.saturating_add(row.amount_minor));
            self.parts.pay.needs_second_person(sum, one.currency)
        })
    }

    /// Who stands behind an account and how they are paid. `Err(None)`: nobody asked for them;
    /// `Err(Some(why))`: they are left out.
    async fn claimant(
        &self,
        tx: &mut BatchTx,
        tenant: TenantId,
        (account, amount): (&Account, Money),
        (asked, incomes): (&Asked, &Incomes),
    ) -> Result<Result<Claimant, Option<String>>, PayError> {
        let no = |why: &str| Ok(Err(Some(why.to_owned())));
        let (payee, rail, destination, name) = match account.owner() {
            Owner::Publisher(id) => {
                if !asked.publishers.is_empty() && !asked.publishers.contains(&id) {
                    return Ok(Err(None));
                }
                let Some(row) = tx.publishers(tenant).get(id, Reach::Tenant).await? else {
                    return no("publisher_unknown");
                };
                if row.tax_regime == TaxRegime::Undeclared {
                    return no("tax_regime_undeclared");
                }
                if let Some(span) = incomes.passed(id, row.tax_regime) {
                    return no(&format!("income_above_{span}_ceiling"));
                }
                let text = |name: &str| row.payout[name].as_str().map(str::to_owned);
                let (rail, destination) = (text("rail"), text("destination"));
                (Payee::Publisher(id), rail, destination.unwrap_or_default(), row.name)
            }
            Owner::Shopper(id) => {
                if !asked.publishers.is_empty() {
                    return Ok(Err(None));
                }
                let Some(row) = tx.shoppers(tenant).get(id).await? else {
                    return no("shopper_unknown");
                };
                let destination = row.phone.or(row.email).unwrap_or_default();
                (Payee::Shopper(id), None, destination, row.user_id)
            }
            _ => return Ok(Err(None)),
        };
        let minimum = asked.minimum.as_deref().map(|text| Money::parse(text, amount.currency));
        match minimum {
            Some(Ok(minimum)) if amount.minor < minimum.minor => return no("below_minimum"),
            Some(Err(_)) => return no("minimum_is_of_another_currency"),
            _ => {}
        }
        if tx.ledger(tenant).owed(payee, amount.currency).await? > 0 {
            return no("owes");
        }
        let rail = asked.rail.clone().or(rail).unwrap_or_else(|| file::NAME.to_owned());
        Ok(Ok(Claimant { payee, amount, rail, destination, name }))
    }

    /// A payout as it stands for ever.
    fn payout(
        &self,
        claimant: &Claimant,
        (id, run): (PayoutId, PayoutRunId),
        now: Timestamp,
    ) -> Result<PayoutRow, String> {
        let rail = self.parts.pay.rail(&claimant.rail);
        let rail = rail.ok_or_else(|| format!("rail_unknown:{}", claimant.rail))?;
        let wanted = Wanted {
            payout: id,
            amount: claimant.amount,
            destination: &claimant.destination,
            payee: &claimant.name,
        };
        let built = rail.build(&wanted)?;
        Ok(PayoutRow {
            id,
            run,
            payee: claimant.payee,
            rail: rail.name().to_owned(),
            state: PayoutState::Reserved,
            amount_minor: claimant.amount.minor,
            currency: claimant.amount.currency,
            destination: claimant.destination.clone(),
            request_id: built.request_id,
            request: built.body,
            reserved_by: self.parts.ids.make(|rng| TransactionId::new(now, rng)),
            rail_reference: None,
            detail: None,
            sends: 0,
            fence: 0,
            leased_until: None,
            look_at: now,
            resolved_by: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// Moves what is available into clearing, for all of them at once.
    async fn reserve(
        &self,
        tx: &mut BatchTx,
        tenant: TenantId,
        payouts: &mut [PayoutRow],
        by: &str,
    ) -> Result<(), PayError> {
        let teller = self.teller(by, None);
        let mut commands = Vec::with_capacity(payouts.len());
        for row in payouts.iter() {
            let Accounts { available, clearing, .. } = Accounts::of(row)?;
            let amount = row.amount_minor;
            let legs = vec![Leg::debit(available, amount), Leg::credit(clearing, amount)];
            let moved = Move { kind: MoveKind::PayoutReserve, reverses: None, legs };
            commands.push(told::command_of(row, (row.reserved_by, moved), teller));
        }
        tx.ledger(tenant).post(&commands, teller.now).await?;
        Ok(())
    }

    fn teller<'a>(&'a self, author: &'a str, by: Option<&'a str>) -> Teller<'a> {
        let (ids, now) = (&self.parts.ids, self.parts.clock.now());
        Teller { ids, now, author, by, evidence: None }
    }

    /// A second person agrees to a run, or rejects it: then its payouts are declined and their
    /// money is available again.
    ///
    /// # Errors
    /// [`PayError::SamePerson`] for whoever made it.
    pub async fn decide_run(
        &self,
        (tenant, id): (TenantId, PayoutRunId),
        state: RunState,
        by: &str,
    ) -> Result<RunRow, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.decide_run_in(&mut tx, (tenant, id), (state, by))).await;
        tx.end(worked).await
    }

    async fn decide_run_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, PayoutRunId),
        (state, by): (RunState, &str),
    ) -> Result<RunRow, PayError> {
        let mut run = tx.payouts(tenant).run(id).await?.ok_or(PayError::NotFound)?;
        if run.state != RunState::Waiting {
            return Err(PayError::NotNow(format!("the run is {}", run.state)));
        }
        if run.made_by == by {
            return Err(PayError::SamePerson);
        }
        run.state = state;
        run.decided_by = Some(by.to_owned());
        run.decided_at = Some(self.parts.clock.now());
        if !tx.payouts(tenant).decide_run(&run).await? {
            return Err(PayError::NotNow("somebody else was faster".to_owned()));
        }
        if state == RunState::Rejected {
            let why = "the run was rejected".to_owned();
            for row in tx.payouts(tenant).of_run(id).await? {
                let told = Told::Declined(why.clone());
                told::tell(tx, (tenant, &row), told, self.teller(by, None)).await?;
            }
        }
        Ok(run)
    }

    /// Notes that the bank file of an approved run was given out: from now on bytes may have left.
    ///
    /// # Errors
    /// [`PayError::NotNow`] for a run that waits or was rejected.
    pub async fn bank_file(&self, tenant: TenantId, id: PayoutRunId) -> Result<String, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = self.bank_file_in(&mut tx, (tenant, id)).await;
        tx.end(worked).await
    }

    async fn bank_file_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, PayoutRunId),
    ) -> Result<String, PayError> {
        let run = tx.payouts(tenant).run(id).await?.ok_or(PayError::NotFound)?;
        if run.state != RunState::Approved {
            return Err(PayError::NotNow(format!("the run is {}", run.state)));
        }
        let now = self.parts.clock.now();
        let rows = tx.payouts(tenant).of_run(id).await?;
        for row in rows.iter().filter(|row| row.rail == file::NAME) {
            if row.state == PayoutState::Reserved {
                let sending = PayoutRow {
                    state: PayoutState::Sending,
                    sends: 1,
                    updated_at: now,
                    ..row.clone()
                };
                tx.payouts(tenant).advance(&sending, (row.state, row.fence)).await?;
            }
        }
        Ok(file::bank_file(&rows))
    }

    /// Takes a result file of a run: each line once, all or none of them.
    ///
    /// # Errors
    /// [`PayError::Input`] names the line that is wrong.
    pub async fn take_results(
        &self,
        (tenant, id): (TenantId, PayoutRunId),
        lines: &[file::ResultLine],
        by: &str,
    ) -> Result<Vec<PayoutRow>, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.take_results_in(&mut tx, (tenant, id), (lines, by))).await;
        tx.end(worked).await
    }

    async fn take_results_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, PayoutRunId),
        (lines, by): (&[file::ResultLine], &str),
    ) -> Result<Vec<PayoutRow>, PayError> {
        let run = tx.payouts(tenant).run(id).await?.ok_or(PayError::NotFound)?;
        if run.state != RunState::Approved {
            return Err(PayError::NotNow(format!("the run is {}", run.state)));
        }
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            let wrong = |why: String| PayError::Input(format!("line {}: {why}", line.line));
            let row = tx.payouts(tenant).get(line.payout, Reach::Tenant).await?;
            let row = row.filter(|row| row.run == id && row.rail == file::NAME);
            let mut row = row.ok_or_else(|| wrong("is no payout of this run".to_owned()))?;
            let told = file::told_by(line, &row).map_err(wrong)?;
            if row.state == PayoutState::Reserved {
                // The file may have been read from elsewhere: results prove that it left.
                let before = (row.state, row.fence);
                row.state = PayoutState::Sending;
                row.sends = 1;
                tx.payouts(tenant).advance(&row, before).await?;
            }
            let told = told::tell(tx, (tenant, &row), told, self.teller(by, None)).await;
            rows.push(match told {
                Err(PayError::NotNow(why)) => return Err(wrong(why)),
                other => other?,
            });
        }
        Ok(rows)
    }

    /// A person settles a payout of which nobody knows what became.
    ///
    /// # Errors
    /// [`PayError::NotNow`] unless it is unknown, or waits for a bank's results.
    pub async fn resolve(
        &self,
        (tenant, id): (TenantId, PayoutId),
        resolution: Resolution,
    ) -> Result<PayoutRow, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.resolve_in(&mut tx, (tenant, id), &resolution)).await;
        tx.end(worked).await
    }

    async fn resolve_in(
        &self,
        tx: &mut BatchTx,
        (tenant, id): (TenantId, PayoutId),
        resolution: &Resolution,
    ) -> Result<PayoutRow, PayError> {
        let row = tx.payouts(tenant).get(id, Reach::Tenant).await?.ok_or(PayError::NotFound)?;
        if row.state != PayoutState::Unknown {
            return Err(PayError::NotNow(format!("the payout is {}, not unknown", row.state)));
        }
        let teller = Teller {
            evidence: Some(&resolution.evidence),
            ..self.teller(&resolution.by, Some(&resolution.by))
        };
        told::tell(tx, (tenant, &row), resolution.told.clone(), teller).await
    }
}

/// Who was left out, and why.
fn skip(account: &Account, amount: Money, why: &str) -> Json {
    debug_assert!(matches!(
        account.kind(),
        AccountKind::PublisherAvailable | AccountKind::ShopperAvailable
    ));
    json!({
        "payee_id": account.owner().to_string(), "amount": amount.amount(),
        "currency": amount.currency.code(), "why": why,
    })
}
