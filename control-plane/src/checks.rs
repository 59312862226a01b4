//! The ledger checks A1 to A12, run again and again, each a metric that must be zero.

use std::time::Duration;

use store::unit::Store;
use tokio_util::sync::CancellationToken;

use crate::evidence::JournalEvidence;
use crate::metrics;
use crate::settle::audit;

/// Runs the checks on an interval.
#[derive(Debug)]
pub struct Checks {
    /// What is checked.
    pub store: Store,
    /// What the journal says was accepted.
    pub evidence: JournalEvidence,
    /// How often.
    pub interval: Duration,
}

impl Checks {
    /// Runs until cancelled. A check that cannot run is logged and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match audit::run(&self.store, &self.evidence).await {
                Ok(checks) => checks.iter().for_each(|check| {
                    metrics::ledger_check(check.check, check.value);
                    if check.value != 0 {
                        tracing::error!(check = check.check, value = check.value, "ledger check");
                    }
                }),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "ledger checks cannot run");
                }
            }
        }
    }
}
