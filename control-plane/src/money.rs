//! What a conversion owes the ledger: from what its order says now and what it has posted so far to
//! ledger commands.
//!
//! The pipeline, the release of holds and the review desk all change a conversion and then call
//! [`Books::settle`]; none of them decides about postings itself, so the ledger follows from a
//! conversion's state and from nothing else.

use ledger::Action;
use ledger::Basis;
use ledger::Command;
use ledger::Evidence;
use ledger::LedgerError;
use ledger::Stage;
use ledger::TaxState;
use ledger::Word;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::CaseId;
use model::id::EventId;
use model::id::TransactionId;
use model::money::Money;
use serde_json::json;
use store::cases::CaseKind;
use store::cases::CaseRow;
use store::conversions::Conversion;
use store::conversions::HOLD_DAY;

use crate::pipeline::IdSource;
use crate::pipeline::price;

/// Ledger commands in the making: those of one tenant's batch, in order.
pub(crate) struct Books<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ids: &'a IdSource,
    /// Who acts: a program's or a person's name.
    pub(crate) author: &'a str,
    pub(crate) commands: Vec<Command>,
    pub(crate) cases: Vec<CaseRow>,
}

/// Whether the outside took an order back or never made it.
pub(crate) const fn is_negative(status: ClaimStatus) -> bool {
    matches!(status, ClaimStatus::Rejected | ClaimStatus::Reversed | ClaimStatus::Returned)
}

/// Whether the outside confirmed an order, wholly or in part.
pub(crate) const fn is_confirmed(status: ClaimStatus) -> bool {
    matches!(status, ClaimStatus::Approved | ClaimStatus::Partial)
}

/// Whether its order earns as things stand: the outside has not taken it back and nobody rejected
/// it here.
fn earns(conversion: &Conversion) -> bool {
    !is_negative(conversion.outside_status) && conversion.verdict != Decision::Reject
}

/// The charge of a conversion as its order stands: what the outside states, else what its terms
/// make of the amount.
///
/// # Errors
/// [`LedgerError::Money`] for an amount whose charge does not fit.
pub(crate) fn charge(conversion: &Conversion) -> Result<Money, LedgerError> {
    let current = conversion.split.charge;
    if let Some(minor) = conversion.stated_charge_minor {
        return Ok(Money::new(minor, current.currency));
    }
    let term = &conversion.rates.term;
    match term["type"].as_str() {
        Some("percent" | "lines") => {
            Ok(price::charge_of(term, conversion.order_amount(), current.currency)?)
        }
        // A fixed charge does not hang on the amount.
        _ => Ok(current),
    }
}

fn basis(conversion: &Conversion, charge: Money) -> Basis {
    let rates = &conversion.rates;
    Basis { charge, fee: rates.fee, share: rates.share, taxes: rates.taxes.clone() }
}

impl<'a> Books<'a> {
    pub(crate) const fn new(now: Timestamp, ids: &'a IdSource, author: &'a str) -> Self {
        Self { now, ids, author, commands: Vec::new(), cases: Vec::new() }
    }

    /// Brings a conversion's money and status to where its order stands: posts, cuts, mirrors or
    /// claws back, and releases what waits for nothing.
    ///
    /// # Errors
    /// [`LedgerError`] when amounts do not fit. The books are as they were; the conversion is in no
    /// defined state and must not be saved.
    pub(crate) fn settle(
        &mut self,
        conversion: &mut Conversion,
        cause: EventId,
    ) -> Result<(), LedgerError> {
        let (commands, cases) = (self.commands.len(), self.cases.len());
        let settled = self.try_settle(conversion, cause);
        if settled.is_err() {
            self.commands.truncate(commands);
            self.cases.truncate(cases);
        }
        settled
    }

    /// Opens a case about news that moves nothing.
    pub(crate) fn open_case(&mut self, kind: CaseKind, subject: String, cause: EventId) {
        self.cases.push(CaseRow {
            id: self.ids.make(|rng| CaseId::new(self.now, rng)),
            kind,
            subject,
            detail: json!({ "event_id": cause.to_string() }),
            opened_at: self.now,
            closed_at: None,
        });
    }

    fn try_settle(
        &mut self,
        conversion: &mut Conversion,
        cause: EventId,
    ) -> Result<(), LedgerError> {
        let charge = charge(conversion)?;
        let wanted = basis(conversion, charge);
        let target = (earns(conversion) && !charge.is_zero()).then_some(wanted.clone());
        for action in plan(conversion, target) {
            self.give(conversion, action, cause)?;
        }
        if conversion.stage.is_none() {
            // Nothing is posted: show what it would be.
            conversion.split = ledger::split(&wanted)?;
        }
        conversion.status = status_of(conversion);
        self.release_if_free(conversion, cause)?;
        conversion.updated_at = self.now;
        Ok(())
    }

    /// Releases a pending conversion that waits for nothing any more; true when it did.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(crate) fn release_if_free(
        &mut self,
        conversion: &mut Conversion,
        cause: EventId,
    ) -> Result<bool, LedgerError> {
        let is_due = conversion.release_at.is_some_and(|at| at <= self.now);
        let is_free = conversion.status == ConversionStatus::Pending
            && conversion.held_by.is_none()
            && is_confirmed(conversion.outside_status);
        if !is_due || !is_free {
            return Ok(false);
        }
        if conversion.stage == Some(Stage::Pending)
            && let Some(position) = conversion.position()
        {
            self.give(conversion, Action::Release { position, taxes: None }, cause)?;
        }
        conversion.status = ConversionStatus::Approved;
        conversion.released_at = Some(self.now);
        conversion.updated_at = self.now;
        Ok(true)
    }

    /// Pays a part of what a conversion has pending, now, for a fee.
    ///
    /// # Errors
    /// [`LedgerError::AdvanceTooLarge`] for more than its net.
    pub(crate) fn advance(
        &mut self,
        conversion: &mut Conversion,
        (amount, fee): (Money, Money),
        cause: EventId,
    ) -> Result<(), LedgerError> {
        let position = conversion.position().ok_or(LedgerError::StalePosition)?;
        self.give(conversion, Action::Advance { position, amount, fee }, cause)?;
        conversion.updated_at = self.now;
        Ok(())
    }

    fn give(
        &mut self,
        conversion: &mut Conversion,
        action: Action,
        cause: EventId,
    ) -> Result<(), LedgerError> {
        let transaction = self.ids.make(|rng| TransactionId::new(self.now, rng));
        let accrues = matches!(action, Action::Accrue { .. });
        let evidence = self.evidence(conversion, cause);
        let command = Command { transaction, subject: conversion.id.into(), action, evidence };
        conversion.set_position(command.position_after()?);
        let shortfall = conversion.split.shortfall();
        if accrues && !shortfall.is_zero() {
            self.cases.push(CaseRow {
                id: self.ids.make(|rng| CaseId::new(self.now, rng)),
                kind: CaseKind::TaxShortfall,
                subject: conversion.id.to_string(),
                detail: json!({
                    "shortfall": shortfall.amount(), "currency": shortfall.currency.code(),
                }),
                opened_at: self.now,
                closed_at: None,
            });
        }
        self.commands.push(command);
        Ok(())
    }

    /// Every input beside those that stand in the action itself.
    fn evidence(&self, conversion: &Conversion, cause: EventId) -> Evidence {
        let optional = |at: Option<Timestamp>| at.map(|at| at.0.to_string());
        let facts = [
            ("inbound", Some(cause.to_string())),
            ("revision", Some(conversion.revision.to_string())),
            ("outside_status", Some(conversion.outside_status.to_string())),
            ("order_amount", conversion.order_amount().map(|amount| amount.to_string())),
            ("term", Some(conversion.rates.term.to_string())),
            ("verdict", Some(conversion.verdict.to_string())),
            ("release_at", optional(conversion.release_at)),
        ];
        let facts =
            facts.into_iter().filter_map(|(name, value)| Some((Word::parse(name)?, value?)));
        Evidence { at: self.now, author: self.author.to_owned(), facts: facts.collect() }
    }
}

/// The actions that lead from what is posted to what should be.
fn plan(conversion: &Conversion, target: Option<Basis>) -> Vec<Action> {
    let parties = conversion.parties();
    let Some(position) = conversion.position() else {
        return target.map(|basis| Action::Accrue { parties, basis }).into_iter().collect();
    };
    let posted = position.split.charge.minor;
    let tax = TaxState::Held;
    match (position.stage, target) {
        (_, Some(basis)) if basis.charge.minor == posted => Vec::new(),
        (Stage::Pending, None) => vec![Action::Reverse { position }],
        (Stage::Pending, Some(remaining)) if remaining.charge.minor < posted => {
            vec![Action::PartialReverse { position, remaining }]
        }
        (Stage::Pending, Some(basis)) => {
            vec![Action::Reverse { position }, Action::Accrue { parties, basis }]
        }
        (Stage::Released, None) => vec![Action::ClawBack { position, remaining: None, tax }],
        (Stage::Released, Some(basis)) if basis.charge.minor < posted => {
            vec![Action::ClawBack { position, remaining: Some(basis), tax }]
        }
        (Stage::Released, Some(basis)) => {
            let back = Action::ClawBack { position, remaining: None, tax };
            vec![back, Action::Accrue { parties, basis }]
        }
    }
}

/// Where a conversion is in its life, by its order and its money.
fn status_of(conversion: &Conversion) -> ConversionStatus {
    if conversion.verdict == Decision::Reject {
        // A person may reject what was paid out to available already: that is taking it back.
        let was_released = conversion.released_at.is_some();
        return if was_released { ConversionStatus::Reversed } else { ConversionStatus::Rejected };
    }
    if is_negative(conversion.outside_status) {
        // What was once confirmed is taken back; what never was, never became a sale.
        let was_sale = conversion.approved_at.is_some();
        return if conversion.outside_status == ClaimStatus::Rejected && !was_sale {
            ConversionStatus::Rejected
        } else {
            ConversionStatus::Reversed
        };
    }
    let is_released = match conversion.stage {
        Some(stage) => stage == Stage::Released,
        None => conversion.status == ConversionStatus::Approved,
    };
    if is_released { ConversionStatus::Approved } else { ConversionStatus::Pending }
}

/// Notes the first time the outside said approved: from then on the hold runs.
pub(crate) fn note_approval(conversion: &mut Conversion, received_at: Timestamp) {
    if conversion.approved_at.is_none() && is_confirmed(conversion.outside_status) {
        let days = u32::try_from(conversion.hold_days).unwrap_or(0);
        conversion.approved_at = Some(received_at);
        conversion.release_at = Some(received_at + HOLD_DAY.saturating_mul(days));
    }
}
