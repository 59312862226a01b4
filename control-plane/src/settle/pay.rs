//! Available money into payouts, and payouts to their end.
//!
//! One run makes payouts: row, request, reserve in one database transaction ([`run`](mod@run)).
//! Whoever learns what became of a payout says so in [`told`]; nobody else writes its state. A rail
//! only builds requests and reads answers ([`rail`]); the host sends ([`worker`]) and decides.
//!
//! # Why unknown is a state
//!
//! A lost answer is neither a payment nor a refusal. The money stays in clearing until a status, a
//! statement or a person with evidence says which; no timer and no new id ever decides it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::money::Currency;
use model::money::Money;

mod ceilings;
pub mod file;
pub mod http;
pub mod rail;
mod run;
mod told;
pub mod webhook;
mod worker;

pub use run::Asked;
pub use run::Made;
pub use told::PayError;
pub use told::Resolution;

use file::FileRail;
use rail::Egress;
use rail::NoEgress;
use rail::Rail;

use super::AdvanceTerms;

/// Above this sum a run waits for a second person, unless configured otherwise.
const SECOND_PERSON_ABOVE: &str = "1000000.00";

/// How payouts are made.
#[derive(Clone)]
pub struct PayParts {
    /// By name.
    rails: BTreeMap<&'static str, Arc<dyn Rail>>,
    /// What sends a rail's requests.
    egress: Arc<dyn Egress>,
    /// Decimal text: a run above it waits for a second person, in whatever currency.
    second_person_above: String,
    /// How long a worker has a payout.
    lease: Duration,
    /// What factoring costs.
    pub(super) advance: AdvanceTerms,
}

impl std::fmt::Debug for PayParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rails: Vec<_> = self.rails.keys().collect();
        formatter.debug_struct("PayParts").field("rails", &rails).finish_non_exhaustive()
    }
}

impl Default for PayParts {
    /// Bank files, and nothing that sends.
    fn default() -> Self {
        let parts = Self {
            rails: BTreeMap::new(),
            egress: Arc::new(NoEgress),
            second_person_above: SECOND_PERSON_ABOVE.to_owned(),
            lease: Duration::from_mins(1),
            advance: AdvanceTerms::default(),
        };
        parts.with_rail(Arc::new(FileRail))
    }
}

impl PayParts {
    /// The same with one more rail.
    #[must_use]
    pub fn with_rail(mut self, rail: Arc<dyn Rail>) -> Self {
        self.rails.insert(rail.name(), rail);
        self
    }

    /// The same with something that sends.
    #[must_use]
    pub fn with_egress(self, egress: Arc<dyn Egress>) -> Self {
        Self { egress, ..self }
    }

    /// The same with another sum above which two people are needed.
    #[must_use]
    pub fn with_second_person_above(self, amount: String) -> Self {
        Self { second_person_above: amount, ..self }
    }

    /// The same with other terms of factoring.
    #[must_use]
    pub fn with_advance(self, advance: AdvanceTerms) -> Self {
        Self { advance, ..self }
    }

    fn rail(&self, name: &str) -> Option<&Arc<dyn Rail>> {
        self.rails.get(name)
    }

    /// Names of the rails that are configured.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rails.keys().copied()
    }

    /// Whether a sum needs a second person. A limit that cannot be read means that every sum does.
    fn needs_second_person(&self, sum: i64, currency: Currency) -> bool {
        let limit = Money::parse(&self.second_person_above, currency)
            .or_else(|_| Money::parse(whole(&self.second_person_above), currency));
        limit.is_ok_and(|limit| sum > limit.minor) || limit.is_err()
    }
}

/// The digits before the point, for currencies without minor digits.
fn whole(text: &str) -> &str {
    text.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
