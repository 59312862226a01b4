//! What is counted, and how often.

mod duplicates;
mod scenarios;
mod updates;
