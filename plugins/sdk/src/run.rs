//! From the exported batch to the guest's one function.

use crate::dialect::Dialect;
use crate::json::{self, Json};
use crate::reader::Reader;
use crate::types::{Candidate, Claim, Inbound, Refusal, Verdict};

/// What one inbound became.
pub type Adapted = Result<Vec<Claim>, Refusal>;

/// A rule's configuration, read once per batch.
pub trait FromConfig: Sized {
    /// Reads the configuration; absent keys have defaults.
    ///
    /// # Errors
    /// A sentence for the operator, naming the key.
    fn from_config(config: &Json<'_>) -> Result<Self, String>;
}

/// Runs `parse` over a batch with one reader.
///
/// # Errors
/// The configuration cannot be used; the text says why.
pub fn adapt(
    batch: &[Inbound],
    config: &str,
    dialect: &'static Dialect,
    parse: impl Fn(&Inbound, &Reader) -> Adapted,
) -> Result<Vec<Adapted>, String> {
    let reader = Reader::new(dialect, config)?;
    Ok(batch.iter().map(|inbound| parse(inbound, &reader)).collect())
}

/// Runs `judge` over a batch with one configuration.
///
/// # Errors
/// The configuration cannot be used; the text says why.
pub fn judge<C: FromConfig>(
    batch: &[Candidate],
    config: &str,
    judge: impl Fn(&Candidate, &C) -> Verdict,
) -> Result<Vec<Verdict>, String> {
    let document =
        json::read_config(config).map_err(|reason| format!("the configuration {reason}"))?;
    let config = C::from_config(&document)?;
    Ok(batch.iter().map(|candidate| judge(candidate, &config)).collect())
}
