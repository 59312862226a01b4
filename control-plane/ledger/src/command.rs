//! Ledger commands: append-only facts with every input of a money movement.

use model::clock::Timestamp;
use model::id::{PublisherId, ShopperId, TransactionId};
use model::money::Money;

use crate::account::Debtor;
use crate::apply::LedgerError;
use crate::moves::Move;
use crate::mutation::Mutation;
use crate::split::{Basis, Split, TaxPart, split_with};
use crate::subject::Subject;
use crate::word::Word;

/// One movement of money: what is done, because of what, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The id that the transaction will have. Chosen by the caller, so that the fold finds it
    /// again.
    pub transaction: TransactionId,
    pub subject: Subject,
    pub action: Action,
    pub evidence: Evidence,
}

/// What is done, with everything that the amounts depend on apart from the balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A conversion earns. Again after a full reversal, when corrected news replaces the old.
    Accrue { parties: Parties, basis: Basis },
    /// The hold ended: pending becomes available. `taxes` replaces the estimate when tax was
    /// recomputed from the person's accumulators; `None` keeps it.
    Release { position: Position, taxes: Option<Vec<TaxPart>> },
    /// Everything that is still pending is mirrored.
    Reverse { position: Position },
    /// A part is returned before release: the new split of what remains minus the old split.
    PartialReverse { position: Position, remaining: Basis },
    /// Returned after release, wholly or down to `remaining`. Taken from what is available; the
    /// rest is owed.
    ClawBack { position: Position, remaining: Option<Basis>, tax: TaxState },
    /// A part of what is pending is paid now, for a fee; its release repays it.
    Advance { position: Position, amount: Money, fee: Money },
    /// What belongs to no conversion.
    Move(Move),
}

/// Who takes part in a conversion. Never changes between accrual and reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    pub debtor: Debtor,
    pub publisher: PublisherId,
    pub shopper: Option<ShopperId>,
}

/// What a conversion has posted so far. The store keeps it beside the conversion; a conversion that
/// never posted or was wholly reversed has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub parties: Parties,
    pub split: Split,
    pub stage: Stage,
    /// The transaction of the accrual, which a full reversal names.
    pub origin: TransactionId,
    /// What of the net was paid before the release, and is repaid by it. Never above the net, and
    /// zero once released.
    pub advanced_minor: i64,
}

model::words! {
    /// How far a conversion's money has come.
    pub enum Stage {
        /// Posted, not payable.
        Pending = "pending",
        /// Payable, or paid.
        Released = "released",
    }
}

model::words! {
    /// Where the withheld tax of a released conversion is.
    pub enum TaxState {
        /// Still with the operator: taken back from `tax_withheld`.
        Held = "held",
        /// Already with the state: `suspense`, and the caller opens a case.
        Remitted = "remitted",
    }
}

/// Why a command was given: kept for ever, never computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub at: Timestamp,
    /// A person's or a program's name or id.
    pub author: String,
    /// The other inputs by name: claim revision, terms row, rate rows, exchange rate, verdict.
    pub facts: Vec<(Word, String)>,
}

/// A command reduced to what moves: parts `old` under stage `from` become parts `new` under `to`.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) parties: Parties,
    pub(crate) old: Split,
    pub(crate) new: Split,
    pub(crate) from: Option<Stage>,
    pub(crate) to: Option<Stage>,
    pub(crate) origin: TransactionId,
    pub(crate) tax: TaxState,
    pub(crate) advanced_from: i64,
    pub(crate) advanced_to: i64,
}

impl Action {
    /// The word under which the action is stored.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accrue { .. } => "accrue",
            Self::Release { .. } => "release",
            Self::Reverse { .. } => "reverse",
            Self::PartialReverse { .. } => "partial_reverse",
            Self::ClawBack { .. } => "claw_back",
            Self::Advance { .. } => "advance",
            Self::Move(moved) => moved.kind.as_str(),
        }
    }

    /// What the action starts from; none for an accrual and for what belongs to no conversion.
    pub const fn position(&self) -> Option<&Position> {
        match self {
            Self::Accrue { .. } | Self::Move(_) => None,
            Self::Release { position, .. }
            | Self::Reverse { position }
            | Self::PartialReverse { position, .. }
            | Self::ClawBack { position, .. }
            | Self::Advance { position, .. } => Some(position),
        }
    }
}

impl Command {
    /// What the conversion has posted after this command; `None` after a full reversal.
    ///
    /// # Errors
    ///
    /// As [`crate::apply()`], but for what depends on balances.
    pub fn position_after(&self) -> Result<Option<Position>, LedgerError> {
        Ok(self.step(Mutation::None)?.and_then(Step::position))
    }

    /// What moves of a conversion; none where the command is about something else.
    pub(crate) fn step(&self, mutation: Mutation) -> Result<Option<Step>, LedgerError> {
        let step = match &self.action {
            Action::Move(_) => return Ok(None),
            Action::Accrue { parties, basis } => Step {
                parties: *parties,
                old: Split::nothing(basis.charge.currency),
                new: split_with(basis, mutation)?,
                from: None,
                to: Some(Stage::Pending),
                origin: self.transaction,
                tax: TaxState::Held,
                advanced_from: 0,
                advanced_to: 0,
            },
            Action::Release { position, taxes } => {
                let new = match taxes {
                    Some(taxes) => position.split.with_taxes(taxes.clone())?,
                    None => position.split.clone(),
                };
                Step::begin(position, Stage::Pending)?.towards(new, Some(Stage::Released))?
            }
            Action::Reverse { position } => {
                Step::begin(position, Stage::Pending)?.down_to(None, mutation)?
            }
            Action::PartialReverse { position, remaining } => {
                Step::begin(position, Stage::Pending)?.down_to(Some(remaining), mutation)?
            }
            Action::ClawBack { position, remaining, tax } => {
                let begin = Step { tax: *tax, ..Step::begin(position, Stage::Released)? };
                begin.down_to(remaining.as_ref(), mutation)?
            }
            Action::Advance { position, amount, fee } => {
                Step::begin(position, Stage::Pending)?.advance(*amount, *fee)?
            }
        };
        if self.subject.conversion().is_none() {
            return Err(LedgerError::WrongSubject);
        }
        for split in [&step.old, &step.new] {
            split.check()?;
            if split.shopper.minor > 0 && step.parties.shopper.is_none() {
                return Err(LedgerError::MissingShopper);
            }
        }
        Ok(Some(step))
    }
}

impl Step {
    /// A step that starts from a position and goes nowhere yet.
    fn begin(position: &Position, expected: Stage) -> Result<Self, LedgerError> {
        if position.stage != expected {
            return Err(LedgerError::WrongStage { expected });
        }
        Ok(Self {
            parties: position.parties,
            old: position.split.clone(),
            new: position.split.clone(),
            from: Some(position.stage),
            to: Some(position.stage),
            origin: position.origin,
            tax: TaxState::Held,
            advanced_from: position.advanced_minor,
            advanced_to: position.advanced_minor,
        })
    }

    fn towards(self, new: Split, to: Option<Stage>) -> Result<Self, LedgerError> {
        if new.currency() != self.old.currency() {
            return Err(LedgerError::CurrencyChanged);
        }
        if new.charge.minor > self.old.charge.minor {
            return Err(LedgerError::ChargeGrows);
        }
        // What was advanced is repaid by the release, and never stands above what is left.
        let advanced_to = match to {
            Some(Stage::Pending) => self.advanced_from.min(new.net.minor),
            Some(Stage::Released) | None => 0,
        };
        Ok(Self { new, to, advanced_to, ..self })
    }

    /// A part of the net is paid now.
    fn advance(self, amount: Money, fee: Money) -> Result<Self, LedgerError> {
        let currency = self.old.currency();
        if amount.currency != currency || fee.currency != currency {
            return Err(LedgerError::CurrencyChanged);
        }
        if amount.minor <= 0 || fee.minor < 0 || fee.minor > amount.minor {
            return Err(LedgerError::AdvanceTooLarge);
        }
        let advanced_to = self.advanced_from.checked_add(amount.minor);
        let advanced_to = advanced_to.filter(|sum| *sum <= self.old.net.minor);
        let advanced_to = advanced_to.ok_or(LedgerError::AdvanceTooLarge)?;
        Ok(Self { advanced_to, ..self })
    }

    /// What remains of a charge; nothing, or a charge of zero, is a full reversal.
    fn down_to(self, remaining: Option<&Basis>, mutation: Mutation) -> Result<Self, LedgerError> {
        let to = self.to;
        match remaining {
            Some(basis) if !basis.charge.is_zero() => {
                self.towards(split_with(basis, mutation)?, to)
            }
            Some(Basis { charge, .. }) => self.towards(Split::nothing(charge.currency), None),
            None => {
                let nothing = Split::nothing(self.old.currency());
                self.towards(nothing, None)
            }
        }
    }

    pub(crate) fn position(self) -> Option<Position> {
        let stage = self.to?;
        Some(Position {
            parties: self.parties,
            split: self.new,
            stage,
            origin: self.origin,
            advanced_minor: self.advanced_to,
        })
    }
}
