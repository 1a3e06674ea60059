//! Attributes of products, limited in number and size.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::label::AttributeName;
use super::text::AttributeValue;

/// Maximum number of attributes of a product.
pub const MAX_ATTRIBUTES: usize = 50;

/// Maximum number of members of a patch of attributes: a patch can remove every attribute and add as many new ones.
const MAX_PATCHED: usize = 2 * MAX_ATTRIBUTES;

/// Attributes of a product, as names with values; at most 50.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<AttributeName, AttributeValue>")]
pub struct Attributes(BTreeMap<AttributeName, AttributeValue>);

/// A JSON merge patch (RFC 7396) of attributes, with at most 100 members: a value sets an attribute, `null` removes an
/// attribute, and absent attributes stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<AttributeName, Option<AttributeValue>>")]
pub struct AttributesPatch(BTreeMap<AttributeName, Option<AttributeValue>>);

/// A set of attributes that was rejected. The message states the number of attributes and the maximum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("has {found} attributes: send at most {max}")]
pub struct TooMany {
    found: usize,
    max: usize,
}

fn at_most(max: usize, found: usize) -> Result<(), TooMany> {
    if found > max { Err(TooMany { found, max }) } else { Ok(()) }
}

impl Attributes {
    /// Converts the attributes to the form in events.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned())).collect()
    }
}

impl AttributesPatch {
    /// Returns the attributes after the patch; `attributes` are the attributes before the patch.
    pub fn apply(&self, mut attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
        for (name, value) in &self.0 {
            match value {
                Some(value) => drop(attributes.insert(name.as_str().to_owned(), value.as_str().to_owned())),
                None => drop(attributes.remove(name.as_str())),
            }
        }
        attributes
    }
}

impl TryFrom<BTreeMap<AttributeName, AttributeValue>> for Attributes {
    type Error = TooMany;

    fn try_from(attributes: BTreeMap<AttributeName, AttributeValue>) -> Result<Self, TooMany> {
        at_most(MAX_ATTRIBUTES, attributes.len()).map(|()| Self(attributes))
    }
}

impl TryFrom<BTreeMap<AttributeName, Option<AttributeValue>>> for AttributesPatch {
    type Error = TooMany;

    fn try_from(patch: BTreeMap<AttributeName, Option<AttributeValue>>) -> Result<Self, TooMany> {
        at_most(MAX_PATCHED, patch.len()).map(|()| Self(patch))
    }
}

impl JsonSchema for Attributes {
    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        named_values(generator.subschema_for::<AttributeValue>(), MAX_ATTRIBUTES, generator)
    }
}

impl JsonSchema for AttributesPatch {
    fn schema_name() -> Cow<'static, str> {
        "AttributesPatch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        named_values(generator.subschema_for::<Option<AttributeValue>>(), MAX_PATCHED, generator)
    }
}

fn named_values(values: Schema, max: usize, generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": generator.subschema_for::<AttributeName>(),
        "additionalProperties": values,
        "maxProperties": max,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn numbered(count: usize, value: Value) -> Value {
        Value::Object((0..count).map(|number| (format!("a{number}"), value.clone())).collect::<Map<_, _>>())
    }

    #[test]
    fn attributes_are_a_bounded_map() {
        let attributes = |json: Value| serde_json::from_str::<Attributes>(&json.to_string());
        assert!(attributes(numbered(50, json!("x"))).is_ok() && attributes(numbered(51, json!("x"))).is_err());
        for bad in [json!({ "": "x" }), json!({ "a": "x".repeat(501) }), json!({ "a": 1 }), json!({ "a\0": "x" })] {
            assert!(attributes(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_patch_sets_and_takes_away() {
        let patch: AttributesPatch = serde_json::from_str(r#"{"colour":null,"size":"L"}"#).unwrap();
        assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"colour":null,"size":"L"}"#);
        let before = [("colour", "red"), ("size", "M"), ("brand", "B")];
        let after = patch.apply(before.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(json!(after), json!({ "size": "L", "brand": "B" }));
        assert!(serde_json::from_str::<AttributesPatch>(&numbered(101, Value::Null).to_string()).is_err());
    }
}
