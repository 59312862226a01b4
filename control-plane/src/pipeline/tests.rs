//! The line as a whole: records in, rows out, on a real database and the shipped guests.

mod changed_back;
mod doors;
mod lanes;
mod locks;
mod news;
mod order;
mod plugins;
mod story;
mod terms;
pub(crate) mod world;
