//! `gamma restore`: a backup becomes a data directory again, and its books are checked.
//!
//! Everything is checked before anything is written, and the data directory gets its name when it
//! is complete: a restore that was cut short leaves nothing that could be taken for one.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::app;
use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::audit;
use crate::cli::backup::DATABASE;
use crate::cli::backup::copy_file;
use crate::cli::backup::embedded;
use crate::cli::backup::make_empty;
use crate::cli::backup::manifest::LanePlace;
use crate::cli::backup::manifest::Manifest;
use crate::cli::backup::manifest::sync_directories;
use crate::cli::out;
use crate::config;
use crate::config::Config;

/// Flags of `gamma restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    place: Place,
    /// A directory that `gamma backup` has written.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Usage`] for a target in use, [`CliError::No`] for a backup that is damaged or whose
/// audit finds something, [`CliError::Internal`] when something cannot be read or written.
pub fn run(args: &RestoreArgs) -> Result<(), CliError> {
    let mut layers = config::layers(args.place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let data_dir = args.place.data_dir();
    let database = embedded(&config.db_url(&data_dir))?;
    if database.exists() {
        return Err(CliError::Usage(format!("{} is there already", database.display())));
    }
    make_empty(&data_dir)?;
    let manifest = Manifest::load(&args.from)?;
    out::line(&format!("{}: begun at {}", args.from.display(), manifest.begun_at));
    let wrong = manifest.wrong(&args.from).context("the backup cannot be read")?;
    if !wrong.is_empty() {
        for what in &wrong {
            out::line(&format!("  WRONG  {what}"));
        }
        return Err(CliError::No);
    }
    if !config::test_mutation().unwrap_or_default().contains("unchecked") {
        manifest.lanes.iter().try_for_each(LanePlace::check)?;
    }
    let what = || format!("cannot write {}", data_dir.display());
    bring_back(&args.from, &manifest, &data_dir, &database).with_context(what)?;
    out::line(&format!("  {} files, checksums are right", manifest.files.len()));
    app::block_on(audit::of_backup(&args.place, &manifest.lanes))
}

/// Copies into a directory beside the target, then gives it the target's name.
fn bring_back(
    from: &Path,
    manifest: &Manifest,
    data_dir: &Path,
    database: &Path,
) -> io::Result<()> {
    let unfinished = data_dir.with_extension("restoring");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(&unfinished)?;
    fs::set_permissions(&unfinished, fs::metadata(data_dir)?.permissions())?;
    for path in manifest.paths() {
        let target = unfinished.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        copy_file(&from.join(path), &target)?;
    }
    sync_directories(&unfinished)?;
    // The target is empty, and a directory may take the name of an empty one.
    fs::rename(&unfinished, data_dir)?;
    let in_place = data_dir.join(DATABASE);
    if in_place != database {
        fs::copy(&in_place, database)?;
        fs::File::open(database)?.sync_all()?;
        fs::remove_file(&in_place)?;
    }
    match data_dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}
