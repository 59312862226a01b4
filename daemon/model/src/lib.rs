#![doc = include_str!("../README.md")]

pub mod words;

pub mod clock;
pub mod id;
pub mod money;

pub mod click_id;

pub mod link;

pub mod click;
pub mod inbound;

pub mod catalog;
pub mod record;

pub mod claim;
pub mod conversion;
pub mod outcome;

pub mod wire;
