//! `bench run`: which measures, how long, and where results go.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::measure;
use crate::measure::Setting;
use crate::pair::Plan;

/// The measures by the names of the design.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Measure {
    /// CPU per redirect against bare hyper
    M2,
    /// Durable postbacks against the same without durability
    M6,
    /// Conversions into the ledger against bare inserts of the same rows
    M9,
    /// Postback to ledger, P99, against one bare synced commit
    M11,
    /// Adapter as a component against native
    M12,
}

/// Flags of `bench run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Which measures
    #[arg(required = true)]
    pub measures: Vec<Measure>,
    /// Pairs of slices (20 for a result that counts)
    #[arg(long, default_value_t = 20)]
    pub pairs: usize,
    /// Seconds of one slice (2 to 4)
    #[arg(long, default_value_t = 2.0)]
    pub slice_seconds: f64,
    /// Seconds of warm-up of each arm
    #[arg(long, default_value_t = 5.0)]
    pub warm_up_seconds: f64,
    /// Of the order of slices and of all that is drawn
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Links in the catalog
    #[arg(long, default_value_t = 1_000_000)]
    pub links: u64,
    /// Keep-alive connections
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Folder on the disk that is measured
    #[arg(long, default_value = "target")]
    pub scratch: PathBuf,
    /// Where results are kept
    #[arg(long, default_value = "bench/results")]
    pub results: PathBuf,
}

/// Measures what was asked for, one after the other.
///
/// # Errors
///
/// The first measure that cannot be set up.
pub fn measure_all(run: &Run) -> anyhow::Result<()> {
    std::fs::create_dir_all(&run.scratch)?;
    // Servers are ended, not asked to end, so their folders are swept here.
    let scratch = tempfile::tempdir_in(&run.scratch)?;
    let setting = Setting {
        plan: Plan {
            pairs: run.pairs,
            slice: Duration::from_secs_f64(run.slice_seconds),
            warm_up: Duration::from_secs_f64(run.warm_up_seconds),
            seed: run.seed,
        },
        links: run.links,
        connections: run.connections,
        scratch: scratch.path().to_path_buf(),
    };
    for measure in &run.measures {
        let report = match measure {
            Measure::M2 => measure::redirect::measure(&setting)?,
            Measure::M6 => measure::ingest::measure(&setting)?,
            Measure::M9 => measure::ledger::measure(&setting)?,
            Measure::M11 => measure::lag::measure(&setting)?,
            Measure::M12 => measure::plugin::measure(&setting)?,
        };
        let path = report.keep(&run.results)?;
        writeln!(std::io::stdout(), "{}\n  kept in {}", report.line(), path.display())?;
    }
    Ok(())
}
