//! Labels: texts by which something is found or compared, such as references, tags and names of attributes. People see
//! no difference between `X`, `X ` and `X` with a direction mark, so these texts are the same label. Labels are
//! compared in the canonical form of [`events::text`], which queries use too.
//!
//! The fingerprint of a command is computed from the label as sent, so that a repeat of a command is recognised even if
//! the command was first sent before labels had a canonical form.

use std::borrow::Cow;

use events::text;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{InvalidText, Parsed, Text};

/// A text of 1 to `MAX` characters in one line, compared in canonical form.
#[derive(Debug, Clone)]
pub struct Label<const MAX: usize> {
    canonical: Text<MAX>,
    /// The text as sent, if the text was not sent in canonical form.
    sent: Option<Box<str>>,
}

/// Tax class of a product, as the tax engine names the class; 1 to 64 characters.
pub type TaxClass = Label<64>;

/// Name of a product attribute, such as colour, size or brand; 1 to 64 characters.
pub type AttributeName = Label<64>;

/// Identifier in another system, such as the number of a delivery note, of a marketplace order or of a parcel; 1 to 128
/// characters.
pub type Reference = Label<128>;

/// Payment method, such as card, transfer or cash; 1 to 64 characters.
pub type Method = Label<64>;

impl<const MAX: usize> Label<MAX> {
    /// Returns the canonical form of the label.
    pub fn as_str(&self) -> &str {
        self.canonical.as_str()
    }
}

impl<const MAX: usize> std::str::FromStr for Label<MAX> {
    type Err = InvalidText;

    fn from_str(sent: &str) -> Result<Self, InvalidText> {
        let canonical = text::canonical(sent);
        Ok(Label { canonical: canonical.parse()?, sent: (canonical != sent).then(|| sent.into()) })
    }
}

impl<const MAX: usize> PartialEq for Label<MAX> {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl<const MAX: usize> Eq for Label<MAX> {}

impl<const MAX: usize> PartialOrd for Label<MAX> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const MAX: usize> Ord for Label<MAX> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.canonical.cmp(&other.canonical)
    }
}

impl<const MAX: usize> Serialize for Label<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.sent.as_deref().unwrap_or(self.as_str()))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Label<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed { max: MAX, parse: str::parse })
    }
}

impl<const MAX: usize> JsonSchema for Label<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Label{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Text::<MAX>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn label(text: &str) -> Label<8> {
        text.parse().unwrap()
    }

    #[test]
    fn labels_that_look_the_same_are_the_same() {
        for same in ["X\u{e9}", " X\u{e9} ", "X\u{e9}\u{200e}", "\u{feff}Xe\u{301}", "X\u{200b}\u{e9}"] {
            assert_eq!((label(same).as_str(), label(same)), ("X\u{e9}", label("X\u{e9}")), "{same:?}");
        }
        let labels: BTreeSet<Label<8>> = ["a", "a ", "b"].map(label).into();
        assert_eq!(labels.len(), 2);
    }

    #[test]
    fn bounds_hold_for_the_canonical_form() {
        assert_eq!(label(&format!("  {}  ", "x".repeat(8))).as_str(), "x".repeat(8));
        assert!("x".repeat(9).parse::<Label<8>>().is_err());
        for blank in ["", " ", "\u{200b}", "\u{feff} \u{202e}"] {
            assert_eq!(blank.parse::<Label<8>>(), Err(InvalidText::Blank { max: 8 }), "{blank:?}");
        }
        assert!(matches!("a\nb".parse::<Label<8>>(), Err(InvalidText::Control { code: 10, at: 2 })));
    }

    #[test]
    fn a_label_is_written_down_as_it_was_sent() {
        for json in [r#""X""#, r#""X ""#, "\" X\u{200e}\""] {
            let label: Label<8> = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&label).unwrap(), json);
        }
    }

    #[test]
    fn blanks_and_control_characters_are_refused_with_what_to_do() {
        let error = |text: &str| text.parse::<Method>().unwrap_err().to_string();
        assert_eq!(error(" \u{3000}"), "must not be empty or blank: write 1 to 64 characters");
        assert_eq!(error("ca\0rd"), "has the control character U+0000 at character 3: remove it");
        assert_eq!(error("a\nb"), "has the control character U+000A at character 2: remove it");
    }
}
