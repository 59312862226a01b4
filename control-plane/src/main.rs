//! `gamma`: the control plane, and with `up` everything in one process.

use std::process::ExitCode;

use clap::Parser;
use control_plane::cli;
use control_plane::cli::Cli;
use control_plane::cli::CliError;
use control_plane::cli::Command;
use control_plane::up;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::No) => CliError::No.exit_code(),
        Err(error) => {
            cli::out::note(&format!("gamma: {}", chain(&error)));
            error.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Up(args) => up::run(&args),
        Command::Migrate(args) => cli::migrate::run(&args),
        Command::Config(args) => cli::config::run(&args),
        Command::Key(args) => cli::key::run(&args),
        Command::Replay(args) => cli::replay::run(&args),
        Command::Audit(args) => cli::audit::run(&args),
        Command::Backup(args) => cli::backup::run(&args),
        Command::Restore(args) => cli::restore::run(&args),
        Command::Journal(args) => cli::journal::run(&args),
        Command::Doctor(place) => cli::doctor::run(&place),
    }
}

/// An error with its causes, outermost first.
fn chain(error: &CliError) -> String {
    match error {
        CliError::Internal(error) => format!("{error:#}"),
        other => other.to_string(),
    }
}
