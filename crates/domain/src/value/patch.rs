//! Members of a JSON merge patch (RFC 7396): an absent member stays unchanged, `null` removes the member, and any other
//! value replaces the member.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member of a merge patch, for members that can be removed. The default of the field is [`Member::Kept`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Member<T> {
    /// The member is absent.
    #[default]
    Kept,
    /// The member is `null`.
    Removed,
    /// The member has a value.
    Set(T),
}

impl<T> Member<T> {
    /// Whether the member is absent.
    pub fn is_kept(&self) -> bool {
        matches!(self, Member::Kept)
    }

    /// Returns the value after the patch; `before` is the value before the patch.
    pub fn apply<U>(&self, before: Option<U>, set: impl FnOnce(&T) -> U) -> Option<U> {
        match self {
            Member::Kept => before,
            Member::Removed => None,
            Member::Set(value) => Some(set(value)),
        }
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Member::Kept | Member::Removed => serializer.serialize_none(),
            Member::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Member::Removed, Member::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Member<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Member_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "type": "null" }] })
    }
}

/// Deserialises a member that can be replaced but not removed: `null` is rejected like any other invalid value.
pub(crate) fn replaced<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patch {
        #[serde(default, skip_serializing_if = "Member::is_kept")]
        tax_class: Member<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "replaced")]
        name: Option<u8>,
    }

    #[test]
    fn what_was_not_sent_differs_from_null() {
        for (json, member) in
            [("{}", Member::Kept), (r#"{"tax_class":null}"#, Member::Removed), (r#"{"tax_class":7}"#, Member::Set(7))]
        {
            let patch: Patch = serde_json::from_str(json).unwrap();
            assert_eq!(patch, Patch { tax_class: member, name: None });
            assert_eq!(serde_json::to_string(&patch).unwrap(), json);
        }
    }

    #[test]
    fn a_member_that_has_to_be_there_cannot_be_taken_away() {
        assert_eq!(serde_json::from_str::<Patch>(r#"{"name":7}"#).unwrap().name, Some(7));
        assert!(serde_json::from_str::<Patch>(r#"{"name":null}"#).is_err());
    }
}
