//! Generates a Rust table of the JSON Schemas in `schemas/`, sorted by event type and version. `src/schemas.rs` includes the table.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=schemas");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("schemas");
    let files = fs::read_dir(&folder).expect("events/schemas can be read");
    let mut schemas: Vec<(String, i16, PathBuf)> =
        files.map(|file| parse_name(file.expect("events/schemas can be listed").path())).collect();
    schemas.sort();
    let rows = schemas.iter().map(|(event_type, version, path)| {
        format!("    ({event_type:?}, {version}, include_str!({:?})),\n", path.display().to_string())
    });
    let table = format!("const ALL: &[(&str, i16, &str)] = &[\n{}];\n", rows.collect::<String>());
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("schemas.rs");
    fs::write(out, table).expect("the table can be written");
}

/// Event type and version of a file such as `OrderPlaced.v2.json`.
fn parse_name(path: PathBuf) -> (String, i16, PathBuf) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parts = name.strip_suffix(".json").and_then(|stem| stem.split_once(".v"));
    let parsed = parts.and_then(|(event_type, version)| Some((event_type.to_owned(), version.parse().ok()?)));
    let (event_type, version) = parsed.unwrap_or_else(|| panic!("`{name}` is not TYPE.vVERSION.json"));
    (event_type, version, path)
}
