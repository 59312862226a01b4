//! Runs plugins: WebAssembly components that translate what the outside says, and judge
//! conversions.
//!
//! The life of a call: a batch of plain values comes in with the name of a plugin, a tenant and a
//! configuration · the registry names the active version · a call thread takes an instance and arms
//! it with fuel, deadline, memory and output limits · the guest answers · every value is checked ·
//! values and the identity of who decided go back. A record that makes its guest fail is found by
//! running it alone; the others of its batch have their results.
//!
//! What this crate refuses to know: money, stores, the wire, and what a claim is good for. It gives
//! a guest no function at all: no clock, no randomness, no network, no file. No type of the engine
//! leaves it, so that it can become a process of its own.

mod bindings;
mod breaker;
mod check;
mod compile;
mod convert;
mod engine;
pub mod error;
mod host;
mod instance;
pub mod limits;
pub mod observe;
mod pool;
mod registry;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
#[cfg(test)]
mod tests;
pub mod values;
mod worker;

pub use error::{ActivateError, AdaptError, CallError, HostError, LoadError};
pub use host::{Artifact, Clock, HostParts, PluginHost, Reply};
pub use limits::Limits;
pub use observe::{CallReport, MetricsObserver, Observer, SilentObserver};
pub use registry::{PluginRow, PluginState};
pub use values::{
    Action, Candidate, Channel, Claim, Decision, Fact, FactValue, Inbound, Item, Method, Pair,
    PluginIdentity, PluginKind, Refusal, RefusalReason, Status, Verdict,
};
pub use worker::{Adapted, Judged};
