//! Foreign text that is stored in PostgreSQL, whose type `text` accepts all characters except U+0000.

use std::fmt;

/// Limit of characters of a text about a row: an explanation can name many lines of an order. The row itself is stored as it was received.
const MAX_CHARS: usize = 4_000;

/// Replacement of a character that cannot be stored.
const REPLACEMENT: &str = "\u{fffd}";

/// Text that PostgreSQL accepts: without U+0000 and limited in length. All text of bulk imports that is bound to a statement has this type.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct StoredText(String);

impl StoredText {
    /// The text as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StoredText {
    fn from(text: &str) -> StoredText {
        let end = text.char_indices().nth(MAX_CHARS).map(|(end, _)| end);
        let shown = &text[..end.unwrap_or(text.len())];
        let more = if end.is_some() { "…" } else { "" };
        StoredText(shown.replace('\0', REPLACEMENT) + more)
    }
}

impl fmt::Debug for StoredText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_postgresql_rejects_are_replaced() {
        assert_eq!(StoredText::from("BUG-B\0\0").as_str(), "BUG-B\u{fffd}\u{fffd}");
        let long = "ü".repeat(MAX_CHARS);
        assert_eq!(StoredText::from(long.as_str()).as_str(), long);
        assert_eq!(StoredText::from(format!("{long}x").as_str()).as_str(), format!("{long}…"));
    }
}
