//! The house rules that a program can check: doors, imports between crates, pure rules, documented settings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates and the crates of ours that each may use.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("events", &[]),
    ("crates/domain", &["events"]),
    ("crates/platform", &[]),
    ("crates/read-model", &["events"]),
    ("command-service", &["domain", "events", "platform"]),
    ("projector", &["events", "read-model", "platform"]),
    ("query-service", &["events", "read-model", "platform"]),
];

/// Libraries and the files of the services that may name them: one door per technology.
const DOORS: [(&str, &[&str]); 7] = [
    (
        "rdkafka::",
        &[
            "command-service/src/relay/kafka_client.rs",
            "command-service/src/relay/producer.rs",
            "command-service/src/relay/topics.rs",
            "command-service/src/relay/published.rs",
            "projector/src/feed",
        ],
    ),
    ("redis::aio", &["projector/src/cache", "query-service/src/reads/cache/redis.rs"]),
    ("redis::Client", &["projector/src/cache", "query-service/src/reads/cache/redis.rs"]),
    ("redis::Script", &["projector/src/cache", "query-service/src/reads/cache/redis.rs"]),
    ("graphile_worker::", &["command-service/src/jobs/queue.rs"]),
    ("env::var", &["crates/platform/src/config"]),
    ("hyper::", &["crates/platform/src"]),
];

/// Settings that `deploy/up` makes itself, from ports and secrets.
const MADE_BY_DEPLOY: [&str; 9] = [
    "HTTP_ADDR",
    "ADMIN_ADDR",
    "DATABASE_URL",
    "REPLICA_URL",
    "KAFKA_BROKERS",
    "REDIS_URL",
    "CURSOR_KEY",
    "PERSONAL_INDEX_KEY",
    "MIGRATION_DATABASE_URL",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies in a folder of the project")
        .to_owned()
}

/// Every Rust file below a folder of the project: (path from the root, text).
fn sources(folder: &str) -> Vec<(String, String)> {
    let (root, mut folders, mut found) = (root(), vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The lines of a file that are code: no comments, and nothing from its unit tests on.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..tests].lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn crates_use_only_what_the_house_allows() {
    let ours: BTreeSet<&str> = MAY_USE.iter().filter_map(|(folder, _)| folder.rsplit('/').next()).collect();
    for (name, allowed) in MAY_USE {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        for line in dependencies.lines() {
            let used = line.split(['.', ' ', '=']).next().unwrap();
            assert!(!ours.contains(used) || allowed.contains(&used), "{name} may not use {used}");
        }
    }
}

#[test]
fn each_technology_has_its_doors() {
    for (library, doors) in DOORS {
        for (name, _) in MAY_USE {
            for (file, text) in sources(&format!("{name}/src")) {
                let named = code(&text).any(|line| {
                    line.match_indices(library)
                        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
                });
                assert!(!named || doors.iter().any(|door| file.starts_with(door)), "{file} names {library}");
            }
        }
    }
}

#[test]
fn rules_are_pure() {
    let pure = [sources("crates/domain/src"), sources("events/src"), sources("crates/read-model/src")].concat();
    for (file, text) in pure {
        for word in ["async ", ".await", "Utc::now", "SystemTime", "rand::", "std::fs", "std::net"] {
            let found = code(&text).find(|line| line.contains(word));
            assert_eq!(found, None, "{file} is to be pure");
        }
    }
}

#[test]
fn every_setting_is_documented() {
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let documented: BTreeSet<&str> =
        example.lines().filter_map(|line| line.trim_start_matches('#').split_once('=')).map(|(name, _)| name).collect();
    let files = ["command-service/src", "projector/src", "query-service/src", "crates/platform/src/server"];
    let mut read = BTreeSet::new();
    for (_, text) in files.iter().flat_map(|folder| sources(folder)) {
        for line in code(&text).filter(|line| line.contains("settings.")) {
            read.extend(line.split('"').skip(1).step_by(2).filter(|name| is_setting(name)).map(str::to_owned));
        }
    }
    assert!(read.len() > 20, "only {read:?} found");
    for name in read {
        let known = documented.contains(name.as_str()) || MADE_BY_DEPLOY.contains(&name.as_str());
        assert!(known, "{name} is not in .env.example");
    }
}

fn is_setting(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, _) in MAY_USE {
        for (file, text) in sources(&format!("{name}/src")) {
            assert!(text.starts_with("//!"), "{file} does not open with what it is for");
        }
    }
}
