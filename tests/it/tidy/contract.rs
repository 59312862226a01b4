//! Every built line of the contract names the test that proves it, and the test exists.

use std::collections::BTreeSet;
use std::fs;

use harness::program::repository;
use serde::Deserialize;

use crate::tidy::sources;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    line: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The section of the contract.
    section: String,
    /// What it promises, in a few words.
    says: String,
    /// `path/of/the/file.rs::name_of_the_test`.
    test: String,
}

/// `path::name` of every function under a test attribute.
fn tests_of_the_sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources::all() {
        let mut is_test = false;
        let mut in_proptest = false;
        for line in source.code().lines().map(str::trim) {
            in_proptest |= line.starts_with("proptest!");
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(name) = name_of(line) {
                if is_test || in_proptest {
                    found.insert(format!("{}::{name}", source.path));
                }
                is_test = false;
            }
        }
    }
    found
}

fn name_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix("fn ")?;
    let end = rest.find(['(', '<'])?;
    Some(&rest[..end])
}

#[test]
fn tidy_every_line_of_the_contract_has_its_test() {
    let path = repository().join("tests/it/contract.toml");
    let text = fs::read_to_string(path).expect("the map of the contract");
    let contract: Contract = toml::from_str(&text).expect("lines with section, says and test");
    let known = tests_of_the_sources();
    let mut missing = Vec::new();
    for line in &contract.line {
        assert!(!line.section.is_empty() && !line.says.is_empty(), "{} says nothing", line.test);
        if !known.contains(&line.test) {
            missing.push(format!("{} ({}): {}", line.section, line.says, line.test));
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "{} tests are known", known.len());
    let said: BTreeSet<_> = contract.line.iter().map(|line| (&line.section, &line.says)).collect();
    assert_eq!(said.len(), contract.line.len(), "a line stands there twice");
}
