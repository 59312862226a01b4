#![doc = include_str!("../README.md")]

pub mod error;
pub mod sql;

mod conn;
mod postgres;
mod sqlite;
pub mod unit;

// What operators make.
pub mod advertisers;
pub mod audit_log;
pub mod campaigns;
pub mod catalog_outbox;
pub mod coupons;
pub mod domains;
pub mod enrolments;
pub mod idempotency;
pub mod integrations;
pub mod keys;
pub mod links;
pub mod listing;
pub mod offers;
pub mod publishers;
pub mod secrets;
pub mod shoppers;
pub mod tenants;
pub mod terms;

// From the journal to the ledger.
pub mod offsets;
pub mod page;

pub mod business_keys;
pub mod inbox;

pub mod credit;
pub mod inbound;
pub mod journey;
pub mod rules;
pub mod touches;
pub mod unmatched;

pub mod audit;
pub mod cases;
pub mod conversions;
pub mod deliverables;
pub mod ledger;
pub mod limited;
pub mod office;
pub mod outcomes;
pub mod payouts;
pub mod rollups;

// To another engine.
pub mod copying;

#[cfg(debug_assertions)]
mod tamper;
#[cfg(debug_assertions)]
pub mod throwaway;

#[cfg(test)]
mod conformance;
