//! What rules share: facts by name, and how hard a rule may be.

use crate::json::Json;
use crate::types::{Candidate, Decision, FactValue, Verdict};

/// What a rule does when it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A person decides; the conversion is posted and its release waits.
    Hold,
    /// Nothing is posted.
    Reject,
}

impl Severity {
    /// Reads `decision`: `hold` (also when absent) or `reject`.
    ///
    /// # Errors
    /// Another word.
    pub fn from_config(config: &Json<'_>) -> Result<Self, String> {
        match config.get("decision") {
            None | Some(Json::Null) => Ok(Self::Hold),
            Some(Json::Text(word)) if word == "hold" => Ok(Self::Hold),
            Some(Json::Text(word)) if word == "reject" => Ok(Self::Reject),
            Some(_) => Err("decision is neither hold nor reject".into()),
        }
    }

    /// The decision of a verdict.
    pub const fn decision(self) -> Decision {
        match self {
            Self::Hold => Decision::Hold,
            Self::Reject => Decision::Reject,
        }
    }
}

/// A verdict in one line.
pub fn verdict(decision: Decision, score: i32, reason: &str) -> Verdict {
    Verdict { decision, score, reason: reason.into() }
}

/// An integer that the host computed; none when it is absent or of another kind.
pub fn integer_fact(candidate: &Candidate, name: &str) -> Option<i64> {
    let fact = candidate.facts.iter().find(|fact| fact.name == name)?;
    match &fact.value {
        FactValue::Integer(integer) => Some(*integer),
        FactValue::Number(_) | FactValue::Text(_) | FactValue::Flag(_) => None,
    }
}

/// A whole number of the configuration, not negative.
///
/// # Errors
/// It is something else.
pub fn whole_number(config: &Json<'_>, key: &str, default: i64) -> Result<i64, String> {
    match config.get(key) {
        None | Some(Json::Null) => Ok(default),
        Some(Json::Number(digits)) => match digits.parse() {
            Ok(number) if number >= 0 => Ok(number),
            _ => Err(format!("{key} is not a whole number")),
        },
        Some(_) => Err(format!("{key} is not a whole number")),
    }
}
