//! What a guest of Gamma is made of: the bindings of `gamma:plugin`, one export line per world, and
//! the pure helpers that every adapter reads with.
//!
//! The life of one inbound in a guest: the host lowers it into the guest's memory,
//! [`reader::Reader`] collects its fields by the names of a [`dialect::Dialect`] and of the
//! integration's configuration, the guest's own function turns them into claims, and the export
//! line lifts those back.
//!
//! Why an own reader of JSON instead of a library: amounts must never pass through a float, a
//! repeated key is a contradiction and not "the last one wins", and a component should be small,
//! because every start compiles it.
//!
//! A guest is compiled twice from the same source: for the host as a component, and natively for
//! its recorded cases and for the measure "component against native". It knows no clock, no
//! randomness, no file and no float.

pub mod bindings;
pub mod claim;
pub mod config;
pub mod decimal;
pub mod dialect;
pub mod form;
pub mod instant;
pub mod json;
pub mod reader;
pub mod rules;
pub mod run;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use bindings::types;
