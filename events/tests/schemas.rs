//! `schemas/{type}.v{version}.json` are the JSON Schemas for consumers of the topics (`ce_dataschema` is the `$id`). They are generated
//! from the payload types and committed, so that changes are visible in reviews.
//! `UPDATE_SCHEMAS=1 cargo test -p events --test schemas` regenerates the schemas of the current versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use events::codec::{EVENT_TYPES, EventType};
use events::schemas;
use serde_json::Value;

/// The JSON Schema of the current version of every event type.
fn current() -> BTreeMap<&'static str, Value> {
    EVENT_TYPES.iter().map(|known| (known.name, (known.schema)().to_value())).collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The schema with its URN, which messages contain in `ce_dataschema`.
fn named(mut schema: Value, event_type: &str, version: i16) -> Value {
    schema["$id"] = schemas::urn(event_type, version).into();
    schema
}

/// The committed schema; `Null` if there is no file. Compared as a value, because the order of members has no meaning.
fn kept(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[test]
fn committed_schemas_equal_the_generated_schemas() {
    let current = current();
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for EventType { name: event_type, schema_version: version, .. } in EVENT_TYPES {
        let schema = &current[event_type];
        let name = format!("{event_type}.v{version}.json");
        let (path, schema) = (directory().join(&name), named(schema.clone(), event_type, *version));
        if update {
            std::fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        assert!(kept(&path) == schema, "{name} is out of date: regenerate it with UPDATE_SCHEMAS=1");
    }
    assert_eq!(current.len(), EVENT_TYPES.len());
}

#[test]
fn every_integer_is_exact_in_every_json_parser() {
    for file in std::fs::read_dir(directory()).unwrap() {
        let path = file.unwrap().path();
        let found = events::exact::find_unbounded_integers(&kept(&path));
        assert!(found.is_empty(), "these integers of {} need bounds of at most 2^53 - 1: {found:#?}", path.display());
    }
}

#[test]
fn every_schema_version_has_a_schema() {
    for EventType { name: event_type, schema_version: current, .. } in EVENT_TYPES {
        for version in 1..=*current {
            assert!(schemas::find(event_type, version).is_some(), "{event_type} {version} has no schema");
        }
    }
}

#[test]
fn every_schema_has_the_urn_of_its_type_and_version() {
    let known: BTreeMap<&str, i16> = EVENT_TYPES.iter().map(|known| (known.name, known.schema_version)).collect();
    for (event_type, version) in schemas::list() {
        let schema: Value = serde_json::from_str(schemas::find(event_type, version).unwrap()).unwrap();
        assert_eq!(schema["$id"], schemas::urn(event_type, version));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{event_type} {version}");
        assert!((1..=known[event_type]).contains(&version), "{event_type} {version} is not a known version");
    }
    assert_eq!(schemas::find("OrderPlaced", 0), None);
    assert_eq!(schemas::find("NeverHappened", 1), None);
}

#[test]
fn every_required_field_is_in_every_golden_payload() {
    let schemas = current();
    for EventType { name: event_type, schema_version: version, .. } in EVENT_TYPES {
        for name in [format!("{event_type}.v{version}.json"), format!("{event_type}.v{version}.least.json")] {
            let payload = kept(&directory().with_file_name("golden").join(&name));
            let required = schemas[event_type]["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing: Vec<&str> = required.filter(|field| payload.get(field).is_none()).collect();
            assert!(payload.is_null() || missing.is_empty(), "{name} lacks {missing:?}");
        }
    }
}
