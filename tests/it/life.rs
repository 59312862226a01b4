//! Starting, stopping, and what is still there afterwards.

mod backup;
mod commands;
mod restart;
mod stop;
