//! Every setting that a service reads is documented in `.env.example`.

use std::collections::BTreeSet;
use std::fs;

use crate::sources::{below, root};

/// Settings that `deploy/up` derives from ports and secrets.
const SET_BY_DEPLOY: [&str; 8] = [
    "HTTP_ADDR",
    "ADMIN_ADDR",
    "DATABASE_URL",
    "REPLICA_URL",
    "KAFKA_BROKERS",
    "REDIS_URL",
    "CURSOR_KEY",
    "PERSONAL_INDEX_KEY",
];

/// Folders of the code that reads settings.
const READERS: [&str; 4] = ["command-service/src", "projector/src", "query-service/src", "crates/platform/src/server"];

#[test]
fn every_setting_is_documented() {
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let assignments = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let documented: BTreeSet<&str> = assignments.map(|(name, _)| name).collect();
    let mut read = BTreeSet::new();
    for file in READERS.into_iter().flat_map(below) {
        for line in file.code().filter(|line| line.contains("settings.")) {
            read.extend(line.split('"').skip(1).step_by(2).filter(|name| is_setting(name)).map(str::to_owned));
        }
    }
    assert!(read.len() > 20, "only these settings were found in the code: {read:?}");
    for name in SET_BY_DEPLOY {
        assert!(read.contains(name), "{name} is derived by deploy/up, but no service reads it");
    }
    for name in read {
        let is_known = documented.contains(&*name) || SET_BY_DEPLOY.contains(&&*name);
        assert!(is_known, "{name} is not documented in .env.example");
    }
}

fn is_setting(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
