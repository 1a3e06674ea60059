//! What was sent, fit to be repeated in a problem's detail: cut, and with controls and invisible characters written as escapes.

/// The first `max_chars` characters of a text. Quotes stay as they are: the text stands in a sentence, not in a program.
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
    fn a_text_is_repeated_as_people_wrote_it() {
        assert_eq!(shown("it's \"ü\" \\", 20), "it's \"ü\" \\");
        assert_eq!(shown("a\0b\u{202e}\n", 20), "a\\0b\\u{202e}\\n");
        assert_eq!(shown("abcdef", 3), "abc…");
    }
}
