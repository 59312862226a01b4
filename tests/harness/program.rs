//! Finds the programs under test, and builds them when cargo has not.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The binary `gamma` of the profile this test was built with.
///
/// It is asked of cargo once per test process, so that a test never speaks to the program of
/// yesterday. `GAMMA_BIN` names another one.
pub fn gamma() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let named = environment("GAMMA_BIN");
        named.map_or_else(|| build("control-plane", "gamma"), PathBuf::from)
    })
}

/// The binary `gammad`, likewise; `GAMMA_DAEMON_BIN` names another one.
pub fn gammad() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let named = environment("GAMMA_DAEMON_BIN");
        named.map_or_else(|| build("daemon", "gammad"), PathBuf::from)
    })
}

fn build(package: &str, binary: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let profile = own.parent().and_then(Path::parent).expect("…/<profile>/deps/<test>");
    let target = profile.parent().expect("the profile stands in the target directory");
    let name = profile.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
    let flag = if name == "debug" { "dev" } else { name };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", package, "--bin", binary])
        .args(["--profile", flag])
        .env("CARGO_TARGET_DIR", target)
        .current_dir(repository())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo could not build {binary}");
    profile.join(binary)
}

/// A variable of the environment, for the few switches of the tests.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the switches of the tests have no other room")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A number from the environment, else `otherwise`.
#[must_use]
pub fn number(name: &str, otherwise: u64) -> u64 {
    environment(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
