#![doc = include_str!("../README.md")]

pub mod pipeline;

mod changed_back;
mod money;

pub mod settle;

pub mod publish;

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
