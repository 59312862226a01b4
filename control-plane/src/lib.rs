#![doc = include_str!("../README.md")]

pub mod pipeline;

mod calendar;
mod changed_back;
mod fx;
mod iin;
mod money;
mod tax;

pub mod settle;

pub mod publish;

mod rails;

pub mod api;

pub mod checks;
pub mod evidence;
pub mod lanes;

pub mod demo;

pub mod admin;
pub mod config;
pub mod metrics;
pub mod secret_file;
pub mod telemetry;

pub mod app;
pub mod cli;
pub mod up;
