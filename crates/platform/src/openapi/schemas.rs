//! JSON Schemas of types for OpenAPI, one set for requests and one for responses: a field with a default is optional in a request and
//! always present in a response.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Path of the schemas in the document.
const DEFINITIONS: &str = "/components/schemas";

/// Builds the schema of a type: `schema_of::<Sku>`.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, or a reference to it.
pub(super) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schemas of all types in a document.
pub(super) struct Schemas {
    pub(super) requests: SchemaGenerator,
    pub(super) answers: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = DEFINITIONS.into();
                settings.meta_schema = None;
            })
        };
        Schemas {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
        }
    }

    /// All schemas by name. If the schema of a type differs between requests and responses, the request schema gets a second name, and the
    /// references in `requests`, the request parts of the document, are replaced.
    pub(super) fn finish(mut self, requests: &mut Value) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        let mut incoming = self.requests.take_definitions(true);
        let differs = |(name, schema): (&String, &Value)| all.get(name).is_some_and(|other| other != schema);
        let renamed: Vec<String> =
            incoming.iter().filter(|entry| differs(*entry)).map(|(name, _)| name.clone()).collect();
        for name in renamed {
            let (old, new) = (format!("#{DEFINITIONS}/{name}"), format!("#{DEFINITIONS}/{name}Input"));
            if let Some(schema) = incoming.remove(&name) {
                incoming.insert(format!("{name}Input"), schema);
            }
            refer(requests, &old, &new);
            incoming.values_mut().for_each(|schema| refer(schema, &old, &new));
        }
        all.extend(incoming);
        all.values_mut().for_each(bound_integers);
        all
    }
}

/// The largest integer that every reader of JSON holds exactly: 2^53 - 1 (RFC 8259, section 6).
const MAX_EXACT: i64 = (1 << 53) - 1;

/// Adds the bounds of exactly representable integers to every 64-bit integer without closer bounds.
pub(super) fn bound_integers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_signed = members.get("format").is_some_and(|format| format == "int64" || format == "int");
            let is_unsigned = members.get("format").is_some_and(|format| format == "uint64" || format == "uint");
            if is_signed || is_unsigned {
                members.entry("minimum").or_insert_with(|| if is_signed { -MAX_EXACT } else { 0 }.into());
                members.entry("maximum").or_insert_with(|| MAX_EXACT.into());
            }
            members.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces every reference to `old`.
fn refer(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref").filter(|to| *to == old) {
                new.clone_into(to);
            }
            members.values_mut().for_each(|value| refer(value, old, new));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| refer(value, old, new)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
