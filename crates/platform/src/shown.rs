//! Quotes input in the detail of a problem: cut to a length, with control characters and invisible characters as escapes.

/// The first `max_chars` characters of a text. Quotation marks are not escaped, because the text is part of a sentence.
pub fn shown(text: &str, max_chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * max_chars));
    for c in text.chars().take(max_chars) {
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn only_invisible_characters_are_escaped() {
        assert_eq!(shown("it's \"ü\" \\", 20), "it's \"ü\" \\");
        assert_eq!(shown("a\0b\u{202e}\n", 20), "a\\0b\\u{202e}\\n");
        assert_eq!(shown("abcdef", 3), "abc…");
    }
}
