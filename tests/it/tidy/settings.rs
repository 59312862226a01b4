//! Every key of the shipped configuration says its default, its unit and its limit.

use std::fs;

use harness::program::repository;

/// Words that the comment of a key must hold.
const NAMED: [&str; 3] = ["default", "unit", "limit"];
/// Files in the folder that belong to another tool.
const OTHERS: [&str; 1] = ["deny.toml"];

/// `key = value`, live or commented out, but not prose in a comment.
fn key_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line).trim_start();
    let (key, _) = line.split_once(" = ")?;
    let is_key = !key.is_empty()
        && key.chars().all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter));
    is_key.then_some(key)
}

/// The keys of `text` whose comment above lacks one of the words.
fn unexplained(text: &str) -> Vec<String> {
    let mut comment = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(key) = key_of(line) {
            let lower = comment.to_lowercase();
            let missing: Vec<_> = NAMED.iter().filter(|word| !lower.contains(**word)).collect();
            if !missing.is_empty() {
                found.push(format!("{key} lacks {missing:?}"));
            }
            comment.clear();
        } else if line.starts_with('#') {
            comment.push_str(line);
        } else {
            comment.clear();
        }
    }
    found
}

#[test]
fn tidy_every_setting_is_explained() {
    let mut files = 0;
    let entries = fs::read_dir(repository().join("config")).expect("the settings can be read");
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_toml = entry.path().extension().is_some_and(|extension| extension == "toml");
        if !is_toml || OTHERS.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a settings file");
        assert_eq!(unexplained(&text), Vec::<String>::new(), "{name}");
        files += 1;
    }
    assert!(files > 0, "no settings file was found");
}

#[test]
fn tidy_settings_without_default_unit_or_limit_are_found() {
    let good = "# Where. Default: a. Unit: address. Limit: none.\nlisten = \"a\"\n";
    assert_eq!(unexplained(good), Vec::<String>::new());
    let bad = "# How many. Default: 4.\nthreads = 4\n\nlisten = \"a\"\n";
    assert_eq!(unexplained(bad).len(), 2);
}
