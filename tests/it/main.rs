//! Integration tests: the real program, from outside, one folder per feature. `tidy` reads the
//! repository itself.

mod access;
mod clients;
mod engines;
mod ingest;
mod kill;
mod life;
mod money;
mod redirect;
mod story;
mod tidy;
