#![doc = include_str!("../README.md")]

pub mod error;
pub mod sql;

mod conn;
mod sqlite;
pub mod unit;
