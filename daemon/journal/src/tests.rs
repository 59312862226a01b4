//! What the journal promises, tested on a disk that forgets, on one that lies, and on a real one.
//!
//! Short forms run by default; `GAMMA_CRASH_SEEDS` and `GAMMA_CORRUPTION_SEEDS` give the numbers of
//! a long run, `GAMMA_SEED` runs one seed alone.

mod copy;
mod corruption;
mod crash;
mod faults;
mod format;
mod full;
mod reading;
mod sim;
mod threads;
mod units;
