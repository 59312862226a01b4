//! Starting, stopping, and what is still there afterwards.

mod commands;
mod restart;
mod stop;
