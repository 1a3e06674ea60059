//! Texts with length limits, checked while a command is parsed. Control characters are rejected, because control
//! characters break logs, terminals and CSV files, and PostgreSQL rejects NUL.

use std::borrow::Cow;

use events::text::is_blank;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Pattern in JSON Schema (ECMA-262) for a character that is not a control character.
const IN_LINE: &str = r"[^\u0000-\u001f\u007f-\u009f]";

/// Pattern in JSON Schema (ECMA-262) for a visible character or any character above U+FFFF; the parser also recognises
/// the invisible characters above U+FFFF.
const VISIBLE: &str = r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]";

/// A text of 1 to `MAX` characters in one line, with at least one visible character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(Box<str>);

/// Name of a person, company or product, or a line of an address; 1 to 200 characters.
pub type Name = Text<200>;

/// Value of a product attribute; 1 to 500 characters.
pub type AttributeValue = Text<500>;

/// A phone number as people write phone numbers; 1 to 40 characters.
pub type Phone = Text<40>;

/// Reason for a command; 1 to 500 characters.
pub type Reason = Text<500>;

/// Maximum length of a [`Note`], in characters.
pub const MAX_NOTE_CHARS: usize = 2000;

/// A note of the buyer of at most 2000 characters. Line breaks and tabs are allowed, other control characters are not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Note(Box<str>);

/// A remark on an order: a [`Note`] with at least one visible character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Remark(Note);

/// A text that was rejected. The message says how to correct the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// The text has no visible character.
    #[error("must not be empty or blank: write 1 to {max} characters")]
    Blank {
        /// Maximum number of characters.
        max: usize,
    },
    /// The text has too many characters.
    #[error("has {found} characters: shorten it to {max}")]
    Long {
        /// Number of characters of the text.
        found: usize,
        /// Maximum number of characters.
        max: usize,
    },
    /// The text contains a control character.
    #[error("has the control character U+{code:04X} at character {at}: remove it")]
    Control {
        /// Code point of the character.
        code: u32,
        /// Position of the character in the text, in characters, starting at 1.
        at: usize,
    },
}

impl<const MAX: usize> Text<MAX> {
    /// Returns the text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Note {
    /// Returns the text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Remark {
    /// Returns the text as given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const MAX: usize> std::str::FromStr for Text<MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check(text, MAX, |_| false)?;
        if is_blank(text) {
            return Err(InvalidText::Blank { max: MAX });
        }
        Ok(Self(text.into()))
    }
}

impl std::str::FromStr for Note {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check(text, MAX_NOTE_CHARS, |c| matches!(c, '\n' | '\r' | '\t'))?;
        Ok(Self(text.into()))
    }
}

impl std::str::FromStr for Remark {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let note = text.parse()?;
        match is_blank(text) {
            true => Err(InvalidText::Blank { max: MAX_NOTE_CHARS }),
            false => Ok(Self(note)),
        }
    }
}

fn check(text: &str, max: usize, welcome: fn(char) -> bool) -> Result<(), InvalidText> {
    // A text has at least as many bytes as characters, so the characters of a short text need not be counted.
    if text.len() > max {
        let found = text.chars().count();
        if found > max {
            return Err(InvalidText::Long { found, max });
        }
    }
    match text.chars().enumerate().find(|(_, c)| c.is_control() && !welcome(*c)) {
        Some((index, c)) => Err(InvalidText::Control { code: c.into(), at: index + 1 }),
        None => Ok(()),
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed { max: MAX, parse: str::parse })
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed { max: MAX_NOTE_CHARS, parse: str::parse })
    }
}

impl<'de> Deserialize<'de> for Remark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed { max: MAX_NOTE_CHARS, parse: str::parse })
    }
}

/// Parses a value from a borrowed text.
pub(crate) struct Parsed<T> {
    pub(crate) max: usize,
    pub(crate) parse: fn(&str) -> Result<T, InvalidText>,
}

impl<T> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a text of up to {} characters", self.max)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX,
            "pattern": format!(r"^{IN_LINE}*{VISIBLE}{IN_LINE}*$"),
        })
    }
}

impl JsonSchema for Note {
    fn schema_name() -> Cow<'static, str> {
        "Note".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX_NOTE_CHARS })
    }
}

impl JsonSchema for Remark {
    fn schema_name() -> Cow<'static, str> {
        "Remark".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_NOTE_CHARS, "pattern": VISIBLE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_characters_not_bytes() {
        assert!("ü".repeat(200).parse::<Name>().is_ok());
        assert_eq!("ü".repeat(201).parse::<Name>(), Err(InvalidText::Long { found: 201, max: 200 }));
        assert!("".parse::<Note>().is_ok() && "x".repeat(2001).parse::<Note>().is_err());
    }

    #[test]
    fn invisible_text_is_blank() {
        for invisible in ["\u{200b}", "\u{feff}\u{202e}", "\u{3164} \u{ad}", "\u{2800}"] {
            assert_eq!(invisible.parse::<Name>(), Err(InvalidText::Blank { max: 200 }), "{invisible:?}");
        }
    }

    #[test]
    fn a_note_keeps_its_line_breaks() {
        assert_eq!(serde_json::from_str::<Note>(r#""ring\n\ttwice""#).unwrap().as_str(), "ring\n\ttwice");
        assert!(serde_json::from_str::<Note>(r#""\u0000""#).is_err());
        assert!("\n ".parse::<Note>().is_ok() && "\n ".parse::<Remark>().is_err());
        assert!("\u{200b}\u{feff}".parse::<Remark>().is_err() && "\u{200b}x".parse::<Remark>().is_ok());
    }
}
