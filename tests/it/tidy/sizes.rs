//! How long a file and a line may be, and what may stand at the top.

use std::fs;

use harness::program::repository;

use crate::tidy::sources;

const FILE_LINES_MAX: usize = 500;
/// A file of nothing but tests is a list of cases; it is read case by case.
const TEST_FILE_LINES_MAX: usize = 900;
const LINE_CHARS_MAX: usize = 100;
const MAIN_LINES_MAX: usize = 120;

/// Files with a line that cannot be shorter, and why.
const LONG_LINES: &[(&str, &str)] = &[
    ("daemon/model/src/wire/tests.rs", "golden bytes stand in one line per value"),
    ("daemon/src/mint/agent.rs", "names of browsers as they are sent"),
];

/// What the design fixes, and files that tools insist on. Hidden files are such.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bench",
    "config",
    "control-plane",
    "daemon",
    "plugins",
    "rust-toolchain.toml",
    "systemd",
    "tests",
];

#[test]
fn tidy_no_file_is_too_long() {
    let mut found = Vec::new();
    for source in sources::all() {
        let lines = source.text.lines().count();
        let is_main = source.path.ends_with("src/main.rs");
        let limit = match (source.is_test(), is_main) {
            (true, _) => TEST_FILE_LINES_MAX,
            (false, true) => MAIN_LINES_MAX,
            (false, false) => FILE_LINES_MAX,
        };
        if lines > limit {
            found.push(format!("{}: {lines} lines of at most {limit}", source.path));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_no_line_is_too_long() {
    let mut found = Vec::new();
    for source in sources::all() {
        if LONG_LINES.iter().any(|(path, _)| *path == source.path) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX && !cannot_be_broken(line) {
                found.push(format!("{}:{}: {line}", source.path, number + 1));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// An address or a row of a table in a comment, or text that starts its line: breaking it would
/// change it.
fn cannot_be_broken(line: &str) -> bool {
    let line = line.trim_start();
    let is_comment = line.starts_with("//");
    let is_row = is_comment && line.trim_start_matches(['/', '!', ' ']).starts_with('|');
    let is_address = is_comment && line.contains("https://");
    let is_text = !is_comment && (line.starts_with('"') || line.starts_with("r#\""));
    is_row || is_address || is_text
}

#[test]
fn tidy_there_is_no_mod_rs() {
    let found: Vec<String> = sources::all()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.ends_with("/mod.rs"))
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_the_top_level_is_fixed() {
    let mut found: Vec<String> = fs::read_dir(repository())
        .expect("the repository can be read")
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target" && name != "gamma-data")
        .collect();
    found.sort();
    assert_eq!(found, TOP_LEVEL);
}

#[test]
fn tidy_every_member_takes_the_lints_of_the_workspace() {
    let manifests = manifests();
    assert!(manifests.len() > 10, "the manifests were not found");
    for (path, text) in manifests {
        let manifest: toml::Table = text.parse().expect("TOML");
        let inherits = manifest["lints"]["workspace"].as_bool() == Some(true);
        assert!(inherits, "{path} lacks [lints] workspace = true");
    }
}

fn manifests() -> Vec<(String, String)> {
    let folders = ["daemon", "control-plane", "plugins", "bench", "tests"];
    let mut waiting: Vec<_> = folders.iter().map(|folder| repository().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" {
                waiting.push(path);
            } else if entry.file_name() == "Cargo.toml" {
                let text = fs::read_to_string(&path).expect("a manifest");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}
