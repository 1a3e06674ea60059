//! A crate depends only on the crates that the repository layout allows.

use std::collections::BTreeSet;
use std::fs;

use crate::sources::{CRATES, root};

/// Folders of the crates, and the crates of this workspace that each of them may depend on.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("events", &[]),
    ("migrations", &[]),
    ("crates/domain", &["events"]),
    ("crates/platform", &[]),
    ("crates/read-model", &["events"]),
    ("command-service", &["domain", "events", "platform"]),
    ("projector", &["events", "platform", "read-model"]),
    ("query-service", &["events", "platform", "read-model"]),
    ("tools/importer", &["domain", "events", "platform"]),
    ("tools/testbed", &["events", "migrations"]),
    ("tools/e2e", &["events", "platform", "projector", "read-model", "testbed"]),
    (
        "tools/bench",
        &["command-service", "domain", "e2e", "events", "platform", "query-service", "read-model", "testbed"],
    ),
];

/// Libraries that the crates of rules, events and documents must not depend on.
const IMPURE: [&str; 11] =
    ["tokio", "futures", "sqlx", "axum", "hyper", "reqwest", "redis", "rdkafka", "fastrand", "rand", "platform"];

const PURE: [&str; 3] = ["crates/domain", "crates/read-model", "events"];

/// The names in the section `[dependencies]` of a crate's manifest.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn a_crate_depends_only_on_allowed_crates() {
    let workspace: BTreeSet<&str> = CRATES.iter().filter_map(|folder| folder.rsplit('/').next()).collect();
    assert_eq!(ALLOWED.len(), CRATES.len(), "every crate is listed");
    for (folder, allowed) in ALLOWED {
        for used in dependencies(folder) {
            assert!(!workspace.contains(&*used) || allowed.contains(&&*used), "{folder} must not depend on {used}");
        }
    }
}

#[test]
fn pure_crates_depend_on_no_library_for_io() {
    for folder in PURE {
        for used in dependencies(folder) {
            assert!(!IMPURE.contains(&&*used), "{folder} must not depend on {used}");
        }
    }
}
