//! A library is used only in its owner modules, which the header of the crate's `lib.rs` lists:
//!
//! ```text
//! //! Owner modules: sqlx in `database.rs` and `log`; rdkafka in `relay/producer.rs`.
//! ```
//!
//! A clause ends with a semicolon or a full stop. A module is a file, or a folder with its parent file, relative to `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::sources::{CRATES, Source, of_crate, root};

/// Names in the header, and the text in the code that shows the use of the library.
const LIBRARIES: [(&str, &str); 9] = [
    ("sqlx", "sqlx::"),
    ("parquet", "parquet::"),
    ("object_store", "object_store::"),
    ("rdkafka", "rdkafka::"),
    ("redis", "redis::"),
    ("graphile_worker", "graphile_worker::"),
    ("reqwest", "reqwest::"),
    ("hyper", "hyper::"),
    ("environment", "env::var"),
];

#[test]
fn a_library_is_used_only_in_its_owner_modules() {
    let mut wrong = Vec::new();
    for folder in CRATES {
        let mut listed = owner_modules(folder);
        let files = of_crate(folder);
        for (library, pattern) in LIBRARIES {
            let modules = listed.remove(library).unwrap_or_default();
            let users: Vec<&str> =
                files.iter().filter(|file| uses(file, pattern)).map(|it| within(it, folder)).collect();
            let strangers = users.iter().filter(|file| !modules.iter().any(|module| contains(module, file)));
            wrong.extend(strangers.map(|file| format!("{folder}: {file} uses {library}, but is not listed")));
            let idle = modules.iter().filter(|module| !users.iter().any(|file| contains(module, file)));
            wrong.extend(idle.map(|module| format!("{folder}: {module} is listed, but does not use {library}")));
        }
    }
    assert!(wrong.is_empty(), "owner modules in the headers of lib.rs:\n{}", wrong.join("\n"));
}

/// By library, the owner modules in the header of the crate's `lib.rs`.
fn owner_modules(folder: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let text = fs::read_to_string(root().join(folder).join("src/lib.rs")).unwrap();
    let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let header = header.join(" ");
    let mut modules: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let Some((_, list)) = header.split_once("Owner modules") else { return modules };
    for clause in list.split(';').flat_map(|part| part.split(". ")) {
        let named = LIBRARIES.iter().find(|(library, _)| clause.split(['`', ' ', ':']).any(|word| word == *library));
        let Some((library, _)) = named else { continue };
        let quoted = clause.split('`').skip(1).step_by(2).filter(|quoted| quoted != library);
        modules.entry(library).or_default().extend(quoted.map(str::to_owned));
    }
    modules
}

/// Whether the code names the library. A module of the same name (`mod redis;`, `use crate::cache::redis`) is not the library.
fn uses(file: &Source, pattern: &str) -> bool {
    let library = pattern.trim_end_matches(':');
    let (declared, imported) = (format!("mod {library};"), format!("::{library}"));
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let names =
        |line: &str| line.match_indices(pattern).any(|(at, _)| pattern == "env::var" || !line[..at].ends_with(is_name));
    let is_module = |line: &str| line.ends_with(&declared) || pattern != "env::var" && line.contains(&imported);
    !file.code().any(is_module) && file.code().any(names)
}

/// Path relative to the crate's `src`.
fn within<'a>(file: &'a Source, folder: &str) -> &'a str {
    &file.path[folder.len() + "/src/".len()..]
}

/// Whether the file belongs to the module: `log` and `log.rs` contain `log.rs`, and `log` contains `log/append.rs` too.
fn contains(module: &str, file: &str) -> bool {
    let module = module.trim_end_matches('/');
    file == module || file.strip_suffix(".rs") == Some(module) || file.starts_with(&format!("{module}/"))
}
