//! The rules of the house that a machine can check: who may depend on whom, sizes, leftovers,
//! settings, proofs.

mod contract;
mod graph;
mod operations;
mod settings;
mod sizes;
mod sources;
mod words;
