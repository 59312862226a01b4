//! What one call thread does: batches into calls, calls on instances, failures down to the record
//! that caused them.
//!
//! # Why adapters are reused and rules are not
//!
//! A fresh instance costs as much as reading several postbacks. An adapter's output is checked and
//! keyed by what it says, so it may keep its instance within one tenant and one digest, as long as
//! the test holds that fresh and reused ones agree. A rule's verdict moves money and is replayed;
//! it always starts from the same memory.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;

use crate::bindings::adapter::AdapterPre;
use crate::bindings::rule::RulePre;
use crate::breaker::Breaker;
use crate::check;
use crate::convert::{self, WitCandidate, WitInbound};
use crate::engine::Ticker;
use crate::error::{AdaptError, CallError};
use crate::host::Clock;
use crate::instance::{self, AdapterInstance, StoreData};
use crate::limits::{
    ADAPTER_BATCH_MAX, CALLS_PER_INSTANCE_MAX, INSTANCES_PER_THREAD_MAX, Limits, RULE_BATCH_MAX,
};
use crate::observe::{CallReport, Observer};
use crate::values::{Claim, PluginIdentity, Verdict};

/// What one inbound became.
pub type Adapted = Result<Vec<Claim>, AdaptError>;
/// What one candidate got; an error holds it.
pub type Judged = Result<Verdict, CallError>;

/// What all call threads share.
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) breaker: Breaker,
}

/// For whom and with what a batch runs.
pub(crate) struct Order {
    pub(crate) runner: Arc<Runner>,
    pub(crate) plugin: Arc<PluginIdentity>,
    pub(crate) tenant: Arc<str>,
    pub(crate) config: String,
}

/// One call thread's own instances, the one used last at the end.
#[derive(Default)]
pub(crate) struct Worker {
    instances: Vec<Kept>,
}

struct Kept {
    tenant: Arc<str>,
    plugin: Arc<PluginIdentity>,
    instance: AdapterInstance,
}

impl Worker {
    /// Adapts a batch of any size. The error is one that concerns every record: the configuration.
    pub(crate) fn adapt(
        &mut self,
        order: &Order,
        prepared: &AdapterPre<StoreData>,
        batch: &[WitInbound],
    ) -> Result<Vec<Adapted>, CallError> {
        let _running = order.runner.ticker.running();
        let mut results = Vec::with_capacity(batch.len());
        if batch.is_empty() {
            self.adapt_call(order, prepared, batch)?;
        }
        for call in batch.chunks(ADAPTER_BATCH_MAX) {
            match self.adapt_call(order, prepared, call) {
                Ok(adapted) => results.extend(adapted),
                Err(CallError::BadConfig(reason)) => return Err(CallError::BadConfig(reason)),
                Err(error) if call.len() == 1 => results.push(Err(AdaptError::Failed(error))),
                Err(_) => {
                    for record in call.chunks(1) {
                        results.push(self.adapt_alone(order, prepared, record)?);
                    }
                }
            }
        }
        Ok(results)
    }

    fn adapt_alone(
        &mut self,
        order: &Order,
        prepared: &AdapterPre<StoreData>,
        record: &[WitInbound],
    ) -> Result<Adapted, CallError> {
        match self.adapt_call(order, prepared, record) {
            Ok(mut adapted) => Ok(adapted.remove(0)),
            Err(CallError::BadConfig(reason)) => Err(CallError::BadConfig(reason)),
            Err(error) => Ok(Err(AdaptError::Failed(error))),
        }
    }

    fn adapt_call(
        &mut self,
        order: &Order,
        prepared: &AdapterPre<StoreData>,
        call: &[WitInbound],
    ) -> Result<Vec<Adapted>, CallError> {
        order.observed(call.len(), || {
            let runner = &order.runner;
            let mut instance = match self.take(order) {
                Some(instance) => instance,
                None => AdapterInstance::new(&runner.engine, &runner.limits, prepared)?,
            };
            let answer = instance.adapt(&runner.limits, call, &order.config);
            // A guest that answered is whole, even when it refused the configuration.
            if matches!(&answer, Ok(_) | Err(CallError::BadConfig(_))) {
                self.keep(order, instance);
            }
            Ok(answer?.into_iter().map(|result| adapted(result, &runner.limits)).collect())
        })
    }

    fn take(&mut self, order: &Order) -> Option<AdapterInstance> {
        let place = self.instances.iter().position(|kept| {
            kept.tenant == order.tenant && kept.plugin.sha256 == order.plugin.sha256
        })?;
        Some(self.instances.remove(place).instance)
    }

    fn keep(&mut self, order: &Order, instance: AdapterInstance) {
        if !order.runner.limits.are_instances_reused || instance.calls >= CALLS_PER_INSTANCE_MAX {
            return;
        }
        if self.instances.len() >= INSTANCES_PER_THREAD_MAX {
            self.instances.remove(0);
        }
        let (tenant, plugin) = (Arc::clone(&order.tenant), Arc::clone(&order.plugin));
        self.instances.push(Kept { tenant, plugin, instance });
    }
}

/// Judges a batch of any size, each call on a fresh instance.
pub(crate) fn judge(
    order: &Order,
    prepared: &RulePre<StoreData>,
    batch: &[WitCandidate],
) -> Result<Vec<Judged>, CallError> {
    let _running = order.runner.ticker.running();
    let mut results = Vec::with_capacity(batch.len());
    if batch.is_empty() {
        judge_call(order, prepared, batch)?;
    }
    for call in batch.chunks(RULE_BATCH_MAX) {
        match judge_call(order, prepared, call) {
            Ok(judged) => results.extend(judged),
            Err(CallError::BadConfig(reason)) => return Err(CallError::BadConfig(reason)),
            Err(error) if call.len() == 1 => results.push(Err(error)),
            Err(_) => {
                for record in call.chunks(1) {
                    results.push(judge_alone(order, prepared, record)?);
                }
            }
        }
    }
    Ok(results)
}

fn judge_alone(
    order: &Order,
    prepared: &RulePre<StoreData>,
    record: &[WitCandidate],
) -> Result<Judged, CallError> {
    match judge_call(order, prepared, record) {
        Ok(mut judged) => Ok(judged.remove(0)),
        Err(CallError::BadConfig(reason)) => Err(CallError::BadConfig(reason)),
        Err(error) => Ok(Err(error)),
    }
}

fn judge_call(
    order: &Order,
    prepared: &RulePre<StoreData>,
    call: &[WitCandidate],
) -> Result<Vec<Judged>, CallError> {
    order.observed(call.len(), || {
        let runner = &order.runner;
        let verdicts =
            instance::judge(&runner.engine, &runner.limits, prepared, call, &order.config)?;
        let checked = verdicts.into_iter().map(|verdict| {
            let verdict = convert::from_verdict(verdict);
            if runner.limits.are_values_checked {
                check::verdict(&verdict)?;
            }
            Ok(verdict)
        });
        Ok(checked.collect())
    })
}

fn adapted(result: convert::WitAdapted, limits: &Limits) -> Adapted {
    let result = convert::from_adapted(result);
    if limits.are_values_checked {
        check::adapted(&result).map_err(AdaptError::Failed)?;
    }
    result.map_err(AdaptError::Refused)
}

/// Whether a record of a finished call failed by the guest's fault.
trait Outcome {
    fn failure(&self) -> Option<&CallError>;
}

impl Outcome for Adapted {
    fn failure(&self) -> Option<&CallError> {
        match self {
            Err(AdaptError::Failed(error)) => Some(error),
            _ => None,
        }
    }
}

impl Outcome for Judged {
    fn failure(&self) -> Option<&CallError> {
        self.as_ref().err()
    }
}

impl Order {
    /// Runs one call between the breaker and the observer.
    fn observed<T: Outcome>(
        &self,
        record_count: usize,
        call: impl FnOnce() -> Result<Vec<T>, CallError>,
    ) -> Result<Vec<T>, CallError> {
        let Runner { limits, clock, breaker, .. } = &*self.runner;
        let began_at = clock();
        if limits.is_breaker_on && !breaker.is_closed(&self.tenant, &self.plugin, began_at) {
            self.report(CallError::BreakerOpen.outcome(), Duration::ZERO, record_count);
            return Err(CallError::BreakerOpen);
        }
        let answer = call();
        let ended_at = clock();
        let failure = match &answer {
            Ok(results) => results.iter().find_map(Outcome::failure),
            Err(error) => Some(error),
        };
        let outcome = failure.map_or("ok", CallError::outcome);
        self.report(outcome, ended_at.saturating_sub(began_at), record_count);
        let is_failure = failure.is_some_and(CallError::is_guests_fault);
        breaker.count(&self.tenant, &self.plugin, ended_at, is_failure);
        answer
    }

    fn report(&self, outcome: &'static str, duration: Duration, record_count: usize) {
        let plugin = &self.plugin.name;
        self.runner.observer.called(&CallReport { plugin, outcome, duration, record_count });
    }
}
