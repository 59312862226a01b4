//! Every limit of a plugin, by name and unit (promises, section 8).

use std::time::Duration;

/// Largest component that is accepted, in bytes.
pub const COMPONENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Stack of the guest, in bytes.
pub const STACK_BYTES_MAX: usize = 256 * 1024;
/// Linear memory of one store, in bytes.
pub const MEMORY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Elements of all tables of one store.
pub const TABLE_ELEMENTS_MAX: usize = 10_000;
/// Core instances of one store.
pub const INSTANCES_MAX: usize = 8;
/// Tables of one store.
pub const TABLES_MAX: usize = 8;
/// Linear memories of one store.
pub const MEMORIES_MAX: usize = 2;
/// Component handles of one store: a pure guest needs none.
pub const HANDLES_MAX: usize = 16;
/// Bytes that a guest may push into the host in one call.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Instructions of a call, before its records: making the instance and reading the configuration.
pub const FUEL_PER_CALL: u64 = 4_000_000;
/// Instructions for each record of a call. A body of 64 KiB needs about a quarter.
pub const FUEL_PER_RECORD: u64 = 4_000_000;
/// Time between two ticks of the epoch.
pub const TICK: Duration = Duration::from_millis(5);
/// Ticks of processor time that a call may take; one tick less is guaranteed.
pub const DEADLINE_TICKS: u64 = 4;
/// Ticks after which a call ends even when the machine gave its thread no processor: one second.
pub const STARVED_TICKS_MAX: u64 = 200;
/// Records of one call to an adapter.
pub const ADAPTER_BATCH_MAX: usize = 256;
/// Records of one call to a rule.
pub const RULE_BATCH_MAX: usize = 64;
/// Claims of one inbound.
pub const CLAIMS_PER_INBOUND_MAX: usize = 200;
/// Calls that an adapter's instance serves before it is replaced.
pub const CALLS_PER_INSTANCE_MAX: u32 = 1_000;
/// Instances that one call thread keeps.
pub const INSTANCES_PER_THREAD_MAX: usize = 8;
/// Threads that run guests.
pub const CALL_THREADS: usize = 2;
/// Calls that may wait for a thread.
pub const CALLS_WAITING_MAX: usize = 256;
/// Compiled versions that are kept per plugin.
pub const VERSIONS_MAX: usize = 8;
/// Span in which the breaker counts, and for which it stays open.
pub const BREAKER_SPAN: Duration = Duration::from_mins(1);
/// Traps of one tenant and plugin in that span that do not open the breaker.
pub const BREAKER_TRAPS_MAX: u32 = 5;
/// Calls below which a share of errors says nothing.
pub const BREAKER_CALLS_MIN: u32 = 100;

/// The limits that a host runs with. The default is that of production; tests switch single ones
/// off to show that they are what protects.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Ticks that a call may last; none switches the wall time off.
    pub deadline_ticks: Option<u64>,
    /// Instructions of a call before its records.
    pub fuel_per_call: u64,
    /// Instructions of each record.
    pub fuel_per_record: u64,
    /// Bytes of linear memory; none leaves them to the address space of wasm.
    pub memory_bytes_max: Option<usize>,
    /// Bytes pushed into the host; none is the engine's own default of 128 MiB.
    pub output_bytes_max: Option<usize>,
    /// Whether returned values are checked.
    pub are_values_checked: bool,
    /// Whether adapters keep their instance between calls.
    pub are_instances_reused: bool,
    /// Whether failures open the breaker.
    pub is_breaker_on: bool,
    /// Threads that run guests.
    pub call_threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ticks: Some(DEADLINE_TICKS),
            fuel_per_call: FUEL_PER_CALL,
            fuel_per_record: FUEL_PER_RECORD,
            memory_bytes_max: Some(MEMORY_BYTES_MAX),
            output_bytes_max: Some(OUTPUT_BYTES_MAX),
            are_values_checked: true,
            are_instances_reused: true,
            is_breaker_on: true,
            call_threads: CALL_THREADS,
        }
    }
}
