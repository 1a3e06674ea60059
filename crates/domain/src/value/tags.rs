//! Tags, by which products, customers and orders are found: a set of limited size, checked while a command is parsed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::label::Label;
use super::lines::Lines;

/// Maximum number of tags of a product, customer or order: enough for people, and a limit to the index entries of one
/// object.
pub const MAX_TAGS: usize = 50;

/// A tag: a label of 1 to 64 characters, by which a product, customer or order is found.
pub type Tag = Label<64>;

/// A set of at most 50 tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(BTreeSet<Tag>);

impl Tags {
    /// Whether the set has no tags.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the tags in the order of their texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Tag::as_str)
    }

    /// Converts the tags to the form in events.
    pub fn to_event(&self) -> BTreeSet<String> {
        self.iter().map(ToOwned::to_owned).collect()
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags = Lines::<Tag, 0, MAX_TAGS>::deserialize(deserializer)?;
        Ok(Self(tags.iter().cloned().collect()))
    }
}

impl JsonSchema for Tags {
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Tag>();
        json_schema!({ "type": "array", "items": items, "maxItems": MAX_TAGS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_set_of_at_most_fifty() {
        let tags: Tags = serde_json::from_str(r#"["gift","b2b","gift"]"#).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), ["b2b", "gift"]);
        let many = serde_json::to_string(&vec!["x"; 51]).unwrap();
        assert!(serde_json::from_str::<Tags>(&many).unwrap_err().to_string().starts_with("has more than 50"));
    }
}
