//! One instance of a guest: its store with every limit armed, one call, and what a failure means.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, ResourceLimiter, Store, Trap, UpdateDeadline};

use crate::bindings::adapter::{Adapter, AdapterPre};
use crate::bindings::rule::RulePre;
use crate::convert::{WitAdapted, WitCandidate, WitInbound, WitVerdict};
use crate::error::CallError;
use crate::limits::{
    HANDLES_MAX, INSTANCES_MAX, Limits, MEMORIES_MAX, STARVED_TICKS_MAX, TABLE_ELEMENTS_MAX,
    TABLES_MAX, TICK,
};

/// Longest text of a guest that is passed on to an operator, in characters.
const GUEST_TEXT_CHARS_MAX: usize = 500;

/// What a store carries: the sum of what its guest took, and whether it asked for more.
#[derive(Debug)]
pub(crate) struct StoreData {
    memory_bytes_max: Option<usize>,
    memory_bytes: usize,
    table_elements: usize,
    is_more_refused: bool,
    /// Processor time of the calling thread when the call began.
    began_at: Duration,
    /// Ticks since then.
    ticks: u64,
}

impl ResourceLimiter for StoreData {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if self.memory_bytes_max.is_some_and(|bytes_max| bytes > bytes_max) {
            self.is_more_refused = true;
            return Err(wasmtime::Error::msg("more memory than a plugin may have"));
        }
        self.memory_bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_sub(current).saturating_add(desired);
        if elements > TABLE_ELEMENTS_MAX {
            self.is_more_refused = true;
            return Err(wasmtime::Error::msg("more table elements than a plugin may have"));
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// An adapter that can be called again.
pub(crate) struct AdapterInstance {
    store: Store<StoreData>,
    world: Adapter,
    /// Calls it has served.
    pub(crate) calls: u32,
}

impl AdapterInstance {
    pub(crate) fn new(
        engine: &Engine,
        limits: &Limits,
        prepared: &AdapterPre<StoreData>,
    ) -> Result<Self, CallError> {
        let mut store = store(engine, limits);
        arm(&mut store, limits, 0)?;
        match prepared.instantiate(&mut store) {
            Ok(world) => Ok(Self { store, world, calls: 0 }),
            Err(error) => Err(failure(&error, &store)),
        }
    }

    /// One call; the outer error means that this instance is spent.
    pub(crate) fn adapt(
        &mut self,
        limits: &Limits,
        batch: &[WitInbound],
        config: &String,
    ) -> Result<Vec<WitAdapted>, CallError> {
        self.calls += 1;
        arm(&mut self.store, limits, batch.len())?;
        let answer = self.world.call_adapt(&mut self.store, batch, config);
        match answer {
            Ok(Ok(results)) if results.len() == batch.len() => Ok(results),
            Ok(Ok(_)) => Err(CallError::BadOutput("number of results".into())),
            Ok(Err(reason)) => Err(CallError::BadConfig(shortened(&reason))),
            Err(error) => Err(failure(&error, &self.store)),
        }
    }
}

/// Judges one batch on an instance of its own.
pub(crate) fn judge(
    engine: &Engine,
    limits: &Limits,
    prepared: &RulePre<StoreData>,
    batch: &[WitCandidate],
    config: &String,
) -> Result<Vec<WitVerdict>, CallError> {
    let mut store = store(engine, limits);
    arm(&mut store, limits, batch.len())?;
    let world = match prepared.instantiate(&mut store) {
        Ok(world) => world,
        Err(error) => return Err(failure(&error, &store)),
    };
    match world.call_judge(&mut store, batch, config) {
        Ok(Ok(verdicts)) if verdicts.len() == batch.len() => Ok(verdicts),
        Ok(Ok(_)) => Err(CallError::BadOutput("number of verdicts".into())),
        Ok(Err(reason)) => Err(CallError::BadConfig(shortened(&reason))),
        Err(error) => Err(failure(&error, &store)),
    }
}

fn store(engine: &Engine, limits: &Limits) -> Store<StoreData> {
    let mut store = Store::new(
        engine,
        StoreData {
            memory_bytes_max: limits.memory_bytes_max,
            memory_bytes: 0,
            table_elements: 0,
            is_more_refused: false,
            began_at: Duration::ZERO,
            ticks: 0,
        },
    );
    store.limiter(|data| data);
    if let Some(bytes) = limits.output_bytes_max {
        store.set_hostcall_fuel(bytes);
    }
    store.set_max_component_handles(HANDLES_MAX);
    if let Some(deadline_ticks) = limits.deadline_ticks {
        store.epoch_deadline_callback(move |mut store| {
            let data = store.data_mut();
            data.ticks += if data.ticks == 0 { deadline_ticks } else { 1 };
            let used = processor_time().saturating_sub(data.began_at);
            Ok(if may_go_on(used, data.ticks, deadline_ticks) {
                UpdateDeadline::Continue(1)
            } else {
                UpdateDeadline::Interrupt
            })
        });
    }
    store
}

/// Whether a call whose deadline has come only waited for a processor.
///
/// # Why
///
/// The bound is on what a guest can take from the others, and that is processor time. On a busy
/// machine a thread may wait longer than the whole deadline before it runs at all; ending such a
/// call would hold money for no fault of the plugin.
fn may_go_on(used: Duration, ticks: u64, deadline_ticks: u64) -> bool {
    let allowed = TICK * u32::try_from(deadline_ticks.saturating_sub(1)).unwrap_or(u32::MAX);
    used < allowed && ticks < STARVED_TICKS_MAX
}

/// What the calling thread has taken of a processor so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The time of a thread is never negative.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Sets fuel and deadline for the next thing the guest does. Without a deadline a guest traps at
/// once, so "off" is a deadline that no process lives to see.
fn arm(store: &mut Store<StoreData>, limits: &Limits, records: usize) -> Result<(), CallError> {
    let records = u64::try_from(records).unwrap_or(u64::MAX);
    let fuel = limits.fuel_per_record.saturating_mul(records).saturating_add(limits.fuel_per_call);
    store.set_fuel(fuel).map_err(|_| CallError::OutOfFuel)?;
    store.set_epoch_deadline(limits.deadline_ticks.unwrap_or(u64::MAX / 2));
    let data = store.data_mut();
    (data.began_at, data.ticks) = (processor_time(), 0);
    Ok(())
}

/// What the engine's error means. It has no type for a call that pushed too many bytes, so that one
/// is known by its words; a test holds them.
fn failure(error: &wasmtime::Error, store: &Store<StoreData>) -> CallError {
    if store.data().is_more_refused {
        return CallError::Memory;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::Timeout,
        Some(Trap::OutOfFuel) => CallError::OutOfFuel,
        Some(Trap::AllocationTooLarge) => CallError::Memory,
        Some(_) => CallError::Trap,
        None => {
            let words = format!("{error:#}");
            if words.contains("fuel allocated for hostcalls") {
                CallError::OutputTooLarge
            } else {
                CallError::BadOutput(shortened(&words))
            }
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(GUEST_TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::may_go_on;
    use crate::limits::{DEADLINE_TICKS, STARVED_TICKS_MAX, TICK};

    #[test]
    fn a_call_ends_by_what_it_took_of_the_processor_or_after_a_second() {
        let go_on = |used, ticks| may_go_on(used, ticks, DEADLINE_TICKS);
        assert!(go_on(Duration::ZERO, DEADLINE_TICKS));
        assert!(go_on(TICK * 2, STARVED_TICKS_MAX - 1));
        assert!(!go_on(TICK * 3, DEADLINE_TICKS));
        assert!(!go_on(Duration::ZERO, STARVED_TICKS_MAX));
    }
}
