//! Who may depend on whom, by cargo's own account.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;
use cargo_metadata::MetadataCommand;
use harness::program::repository;

/// What `model` and `ledger` may use outside tests. A longer list is a decision, written here.
const WRITTEN: &[(&str, &[&str])] = &[
    ("model", &["postcard", "rand", "serde", "siphasher", "thiserror"]),
    ("ledger", &["model", "thiserror"]),
];

/// A heavy crate and the only workspace members that may name it. `bench` sees everything: the bare
/// arm of a pair is the engine without our code.
const KEPT_APART: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("wasmtime", &["plugin-host"]),
    ("rdkafka", &["sinks", "daemon", "control-plane"]),
    ("scylla", &["sinks", "store"]),
];

struct Member {
    folder: String,
    /// Name and kind of everything it depends on.
    dependencies: Vec<(String, DependencyKind)>,
}

fn members() -> BTreeMap<String, Member> {
    let metadata = MetadataCommand::new()
        .manifest_path(repository().join("Cargo.toml"))
        .no_deps()
        .other_options(["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo metadata answers");
    let root = metadata.workspace_root.clone();
    let mut members = BTreeMap::new();
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().and_then(|path| path.strip_prefix(&root).ok());
        let dependencies = package
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.clone(), dependency.kind))
            .collect();
        let folder = folder.map(ToString::to_string).unwrap_or_default();
        members.insert(package.name.to_string(), Member { folder, dependencies });
    }
    members
}

/// Every breach of a rule over (member, dependency), as sentences.
fn breaches(
    members: &BTreeMap<String, Member>,
    is_allowed: impl Fn(&str, &Member, &str, DependencyKind) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (name, member) in members {
        for (dependency, kind) in &member.dependencies {
            if !is_allowed(name, member, dependency, *kind) {
                found.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    found
}

#[test]
fn tidy_the_daemon_knows_nothing_downstream() {
    let members = members();
    let found = breaches(&members, |_, member, dependency, _| {
        let target = members.get(dependency).map_or("", |target| target.folder.as_str());
        let is_downstream =
            ["control-plane", "plugins"].iter().any(|root| target.starts_with(root));
        !(member.folder.starts_with("daemon") && is_downstream)
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_nothing_depends_on_tests_or_bench() {
    let found =
        breaches(&members(), |_, _, dependency, _| !["tests", "bench"].contains(&dependency));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_model_and_ledger_keep_to_their_written_lists() {
    let members = members();
    for (name, written) in WRITTEN {
        let member = &members[*name];
        let used: BTreeSet<&str> = member
            .dependencies
            .iter()
            .filter(|(_, kind)| *kind == DependencyKind::Normal)
            .map(|(dependency, _)| dependency.as_str())
            .collect();
        let written: BTreeSet<&str> = written.iter().copied().collect();
        assert_eq!(used, written, "{name}");
    }
}

#[test]
fn tidy_a_guest_knows_only_the_sdk() {
    let members = members();
    let found = breaches(&members, |_, member, dependency, _| {
        let is_guest =
            member.folder.starts_with("plugins/") && member.folder.matches('/').count() == 2;
        !is_guest || !members.contains_key(dependency) || dependency == "plugin-sdk"
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_sdk_bundle_and_model_know_no_other_crate_of_ours() {
    let members = members();
    let alone = ["plugin-sdk", "bundle", "model"];
    let found = breaches(&members, |name, _, dependency, _| {
        !(alone.contains(&name) && members.contains_key(dependency))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_heavy_engines_are_kept_apart() {
    let found = breaches(&members(), |name, _, dependency, _| {
        KEPT_APART.iter().all(|(engine, homes)| {
            dependency != *engine || homes.contains(&name) || name == "bench"
        })
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_members_stand_in_reading_order() {
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let listed: Vec<&str> = manifest["workspace"]["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    assert_eq!(listed.first(), Some(&"daemon/model"), "what knows nobody stands first");
    assert_eq!(listed.last(), Some(&"tests"), "what sees all stands last");
}
