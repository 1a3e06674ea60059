//! Foreign text in CSV files that are opened in a spreadsheet, which executes text that looks like a formula (OWASP, "CSV Injection").

use std::borrow::Cow;

/// Characters that start a formula, including the full-width forms of East Asian input methods.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Characters that separate cells in a spreadsheet that expects another separator than the comma.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// The text of a cell with an apostrophe before every formula, so that no spreadsheet executes it. Numbers are unchanged. The caller quotes
/// the text for CSV.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| FORMULA.contains(&c) || SEPARATORS.contains(&c)) || is_number(text) {
        return Cow::Borrowed(text);
    }
    let (mut inert, mut begins_cell) = (String::with_capacity(text.len() + 1), true);
    for (at, c) in text.char_indices() {
        let is_passed_over = c == '"' || c == '\u{feff}' || c.is_whitespace() || c.is_control();
        // Spreadsheets drop these characters at the start and evaluate the next one.
        if begins_cell && FORMULA.contains(&c) || at == 0 && matches!(c, '\t' | '\r' | '\n') {
            inert.push('\'');
        }
        inert.push(c);
        begins_cell = SEPARATORS.contains(&c) || begins_cell && is_passed_over;
    }
    Cow::Owned(inert)
}

/// Whether the text is a decimal number with or without a sign, which means the same as a formula.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole) && are_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn a_formula_is_escaped_wherever_a_cell_can_start() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\tx", "'\tx"),
            ("\r=1", "'\r'=1"),
            (" \"=1\"", " \"'=1\""),
            ("\0=1", "\0'=1"),
            ("a;=1\t-b\n\"@c", "a;'=1\t'-b\n\"'@c"),
        ] {
            assert_eq!(inert(text), expected, "{text:?}");
            assert_eq!(inert(expected), expected, "{text:?}: once is enough");
        }
    }

    #[test]
    fn other_text_and_numbers_are_unchanged() {
        for text in ["", "MUG-1", "a=b", "12", "-12", "+1.50", "2024-06-01", "a, =b", "'=1"] {
            assert_eq!(inert(text), text);
        }
    }
}
