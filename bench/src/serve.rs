//! The servers that the pairs load, each in a process of its own.

pub mod bare;
pub mod ours;
pub mod setting;
