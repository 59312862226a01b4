//! `gamma journal inspect|verify DIR`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::Subcommand;
use journal::JournalSummary;
use journal::RealStorage;

use crate::cli::CliError;
use crate::cli::out;

/// Flags of `gamma journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List lanes and segments by their names and headers.
    #[command(after_help = "Example:\n  gamma journal inspect ./gamma-data/journal")]
    Inspect {
        /// Directory of the journal, such as ./gamma-data/journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Read every byte; exit code 1 if something is damaged.
    #[command(after_help = "Example:\n  gamma journal verify ./gamma-data/journal")]
    Verify {
        /// Directory of the journal, such as ./gamma-data/journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// [`CliError::No`] when `verify` finds damage, [`CliError::Usage`] where there is no journal,
/// [`CliError::Internal`] when the directory cannot be read.
pub fn run(args: &JournalArgs) -> Result<(), CliError> {
    let (Verb::Inspect { dir } | Verb::Verify { dir }) = &args.verb;
    let unreadable = || format!("cannot read {}", dir.display());
    if !dir.is_dir() {
        return Err(CliError::Usage(format!("{} is not a directory", dir.display())));
    }
    let storage = RealStorage::new();
    if journal::journal_id(&storage, dir).with_context(unreadable)?.is_none() {
        return Err(CliError::Usage(format!("there is no journal in {}", dir.display())));
    }
    match &args.verb {
        Verb::Inspect { .. } => {
            show_segments(&journal::inspect(&storage, dir).with_context(unreadable)?);
            Ok(())
        }
        Verb::Verify { .. } => {
            let summary = journal::verify(&storage, dir).with_context(unreadable)?;
            show_lanes(&summary);
            show_damage(&summary)
        }
    }
}

fn show_segments(summary: &JournalSummary) {
    let head = ["lane", "segment", "first", "bytes", "state"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for lane in &summary.lanes {
        for segment in &lane.segments {
            rows.push(vec![
                lane.lane.as_str().to_owned(),
                segment.number.to_string(),
                segment.first_seq.to_string(),
                out::bytes(segment.bytes),
                if segment.sealed { "sealed" } else { "open" }.to_owned(),
            ]);
        }
    }
    out::table(&rows);
}

fn show_lanes(summary: &JournalSummary) {
    let head = ["lane", "segments", "records", "first", "last", "bytes", "cursors"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for lane in &summary.lanes {
        let seq = |seq: Option<u64>| seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
        let cursors: Vec<String> =
            lane.cursors.iter().map(|(name, seq)| format!("{name}={seq}")).collect();
        rows.push(vec![
            lane.lane.as_str().to_owned(),
            lane.segments.len().to_string(),
            lane.records.to_string(),
            seq(lane.first_seq),
            seq(lane.last_seq),
            out::bytes(lane.bytes),
            cursors.join(" "),
        ]);
    }
    out::table(&rows);
}

/// A torn tail is what a crash leaves and no damage: nothing in it was ever confirmed.
fn show_damage(summary: &JournalSummary) -> Result<(), CliError> {
    for lane in &summary.lanes {
        for damage in &lane.damage {
            out::line(&format!("{}: {damage:?}", lane.lane.as_str()));
        }
    }
    if summary.is_damaged() {
        return Err(CliError::No);
    }
    out::line("no damage");
    Ok(())
}
