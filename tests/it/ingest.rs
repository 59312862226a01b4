//! What the doors of ingestion accept, refuse and say.

mod bad_framing;
mod bad_input;
mod doors;
