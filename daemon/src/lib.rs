#![doc = include_str!("../README.md")]

pub mod app;

pub mod config;

pub mod listener;

pub mod request;
pub mod router;

pub mod redirect;

pub mod ingest;

pub mod rooms;

pub mod catalog;
pub mod links;
pub mod target;

pub mod mint;
pub mod visitors;

pub mod recall;

pub mod respond;

pub mod limits;

pub mod admin;
pub mod metrics;

#[cfg(test)]
mod tests;
