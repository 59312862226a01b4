//! Pairs: ours against something plain, measured in one run on one machine, as a ratio with its
//! interval.
//!
//! One value through it: a [`pair::Plan`] draws the order of the slices, each slice loads one arm
//! with [`load`] while
//! [`usage`] reads what the server cost, [`pair`] throws out disturbed slices by rules fixed
//! beforehand, [`stats`] makes a ratio and an interval of the rest, [`report`] keeps everything as
//! a dated file in `bench/results`.
//!
//! What it refuses to say: absolute numbers. They differ between machines and between hours; only
//! ratios of two arms of one run count.
#![expect(clippy::cast_precision_loss, reason = "statistics of counts far below 2^52")]

pub mod child;
pub mod clock;
pub mod gamma;
pub mod load;
pub mod machine;
pub mod measure;
pub mod pair;
pub mod report;
pub mod run;
pub mod serve;
pub mod stats;
pub mod usage;
