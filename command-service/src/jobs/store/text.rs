//! Text that comes from callers and is kept in PostgreSQL, whose type `text` holds any text but the character U+0000.

use std::fmt;

/// Most characters of a text about a row: an explanation may name many lines of an order. What identifies a row is shorter,
/// unless it is wrong; the row itself is kept as it came.
const MAX_CHARS: usize = 4_000;

/// What stands for a character that cannot be kept.
const REPLACEMENT: &str = "\u{fffd}";

/// Text that PostgreSQL takes, whoever wrote it: without U+0000 and not too long. All text of imports that is bound to a
/// statement has this type.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct KeptText(String);

impl KeptText {
    /// The text as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for KeptText {
    fn from(text: &str) -> KeptText {
        let end = text.char_indices().nth(MAX_CHARS).map(|(end, _)| end);
        let shown = &text[..end.unwrap_or(text.len())];
        let more = if end.is_some() { "…" } else { "" };
        KeptText(shown.replace('\0', REPLACEMENT) + more)
    }
}

impl fmt::Debug for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_refuses_is_replaced() {
        assert_eq!(KeptText::from("BUG-B\0\0").as_str(), "BUG-B\u{fffd}\u{fffd}");
        let long = "ü".repeat(MAX_CHARS);
        assert_eq!(KeptText::from(long.as_str()).as_str(), long);
        assert_eq!(KeptText::from(format!("{long}x").as_str()).as_str(), format!("{long}…"));
    }
}
