//! Lists with a minimum and a maximum length, checked while a list is parsed: the 501st line is rejected before the
//! 502nd line is read.

use std::borrow::Cow;
use std::marker::PhantomData;

use events::Quantity;
use events::order::LineNo;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum number of lines of one order. The writer decides an order of this size in well under a millisecond.
pub const MAX_LINES: usize = 500;

/// A list of `MIN` to `MAX` elements; 1 to 500 by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Lines<T, const MIN: usize = 1, const MAX: usize = MAX_LINES>(Vec<T>);

/// A number of units of an order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Number of the line in the order, starting at 1.
    pub line: LineNo,
    /// Number of units of the line.
    pub quantity: Quantity,
}

/// A list that was rejected. The message says how to correct the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLines {
    /// The list has too few elements.
    #[error("has no lines: send at least one")]
    None,
    /// The list has too many elements.
    #[error("has more than {max} lines: split it")]
    TooMany {
        /// Maximum number of elements.
        max: usize,
    },
}

impl<T, const MIN: usize, const MAX: usize> TryFrom<Vec<T>> for Lines<T, MIN, MAX> {
    type Error = InvalidLines;

    fn try_from(lines: Vec<T>) -> Result<Self, InvalidLines> {
        match lines.len() {
            few if few < MIN => Err(InvalidLines::None),
            many if many > MAX => Err(InvalidLines::TooMany { max: MAX }),
            _ => Ok(Self(lines)),
        }
    }
}

/// An empty list, for lists without a minimum length.
impl<T, const MAX: usize> Default for Lines<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MIN: usize, const MAX: usize> std::ops::Deref for Lines<T, MIN, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de> for Lines<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lines = deserializer.deserialize_seq(UpToTheLimit::<T, MIN, MAX>(PhantomData))?;
        Self::try_from(lines).map_err(D::Error::custom)
    }
}

struct UpToTheLimit<T, const MIN: usize, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Visitor<'de> for UpToTheLimit<T, MIN, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list of {MIN} to {MAX} lines")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut lines = Vec::with_capacity(seq.size_hint().unwrap_or(4).min(MAX));
        while let Some(line) = seq.next_element()? {
            if lines.len() == MAX {
                return Err(A::Error::custom(InvalidLines::TooMany { max: MAX }));
            }
            lines.push(line);
        }
        Ok(lines)
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize> JsonSchema for Lines<T, MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("{MIN}_to_{MAX}_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": MIN, "maxItems": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_lines_and_not_one_more() {
        let json = |count: usize| serde_json::to_string(&vec![1; count]).unwrap();
        let parsed = |count| serde_json::from_str::<Lines<u8>>(&json(count));
        assert_eq!(parsed(500).unwrap().len(), 500);
        assert!(parsed(501).unwrap_err().to_string().starts_with("has more than 500 lines: split it"));
        assert!(parsed(0).unwrap_err().to_string().starts_with("has no lines"));
    }
}
