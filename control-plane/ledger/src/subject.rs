//! What a command is about.

use std::fmt;
use std::str::FromStr;

use model::id::{AdjustmentId, ConversionId, PaymentId, PayoutId};

/// What a command is about: the object that explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Conversion(ConversionId),
    Payout(PayoutId),
    Adjustment(AdjustmentId),
    Payment(PaymentId),
}

/// The text is not the id of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of anything that money moves for")]
pub struct SubjectError;

impl Subject {
    /// The conversion, where it is one.
    pub const fn conversion(self) -> Option<ConversionId> {
        match self {
            Self::Conversion(id) => Some(id),
            Self::Payout(_) | Self::Adjustment(_) | Self::Payment(_) => None,
        }
    }
}

impl From<ConversionId> for Subject {
    fn from(id: ConversionId) -> Self {
        Self::Conversion(id)
    }
}

impl From<PayoutId> for Subject {
    fn from(id: PayoutId) -> Self {
        Self::Payout(id)
    }
}

impl From<AdjustmentId> for Subject {
    fn from(id: AdjustmentId) -> Self {
        Self::Adjustment(id)
    }
}

impl From<PaymentId> for Subject {
    fn from(id: PaymentId) -> Self {
        Self::Payment(id)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversion(id) => id.fmt(formatter),
            Self::Payout(id) => id.fmt(formatter),
            Self::Adjustment(id) => id.fmt(formatter),
            Self::Payment(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = |_| SubjectError;
        match text.get(..4) {
            Some(ConversionId::PREFIX) => text.parse().map(Self::Conversion).map_err(wrong),
            Some(PayoutId::PREFIX) => text.parse().map(Self::Payout).map_err(wrong),
            Some(AdjustmentId::PREFIX) => text.parse().map(Self::Adjustment).map_err(wrong),
            Some(PaymentId::PREFIX) => text.parse().map(Self::Payment).map_err(wrong),
            _ => Err(SubjectError),
        }
    }
}
