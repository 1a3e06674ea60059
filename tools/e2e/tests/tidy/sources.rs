//! Finds the source files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of all crates.
pub(crate) const CRATES: [&str; 12] = [
    "events",
    "migrations",
    "command-service",
    "projector",
    "query-service",
    "crates/domain",
    "crates/platform",
    "crates/read-model",
    "tools/bench",
    "tools/e2e",
    "tools/importer",
    "tools/testbed",
];

/// A source file.
pub(crate) struct Source {
    /// Path from the root of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The lines of code: without comments and without the unit tests at the end of the file.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        let tests = self.text.find("#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        self.text[..tests].lines().filter(|line| !line.trim_start().starts_with("//"))
    }

    /// Whether the file contains only tests: a module that its parent declares under `cfg(test)`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

/// Root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// All Rust files below a folder of the repository, sorted by path.
pub(crate) fn below(folder: &str) -> Vec<Source> {
    let (root, mut folders, mut found) = (root(), vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The files in `src` of a crate that are not tests.
pub(crate) fn of_crate(folder: &str) -> Vec<Source> {
    let mut files = below(&format!("{folder}/src"));
    files.retain(|file| !file.is_test());
    files
}
