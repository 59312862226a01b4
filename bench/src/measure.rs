//! The measures, one file each.

pub mod ingest;
pub mod lag;
pub mod ledger;
pub mod plugin;
pub mod redirect;
mod visit;

use std::path::PathBuf;

use crate::pair::Plan;

/// The core of the servers.
pub const SERVER_CORE: usize = 0;
/// The core of the generator.
pub const GENERATOR_CORE: usize = 1;

/// What every measure is told.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Slices and seed.
    pub plan: Plan,
    /// Links in the catalog.
    pub links: u64,
    /// Keep-alive connections.
    pub connections: usize,
    /// Where servers keep their files: a disk like that of production.
    pub scratch: PathBuf,
}
