#![doc = include_str!("../README.md")]

pub mod pipeline;
pub mod settle;

pub mod publish;

pub mod api;
