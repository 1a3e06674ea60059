//! Canonical form of texts that identify something (references, tags). Commands and queries compare and store such texts in this form,
//! so that texts that look the same are the same.

use std::borrow::Cow;

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use unicode_normalization::UnicodeNormalization;

/// Joiners between two characters change the appearance of some scripts and of emoji, but not of Latin, Greek or Cyrillic letters.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Characters below this character are not affected by joiners.
const FIRST_JOINING_CHAR: char = '\u{0600}';

/// The canonical form of a text: without surrounding white space, without invisible characters, and in Unicode normalization form C.
/// Control characters inside the text are kept; the parser of the text rejects them.
pub fn canonical(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim());
    }
    let mut canonical = text.to_owned();
    loop {
        // Removing a character can make the characters around it compose.
        let next: String = visible(&canonical).trim().nfc().collect();
        if next == canonical {
            return Cow::Owned(canonical);
        }
        canonical = next;
    }
}

/// Whether a character is invisible by itself: format controls, direction marks, fillers, variation selectors (Unicode property
/// Default_Ignorable_Code_Point) and annotation marks.
pub fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && (CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) || matches!(c, '\u{fff9}'..='\u{fffb}'))
}

/// Whether a text has no visible character.
pub fn is_blank(text: &str) -> bool {
    /// The Braille pattern without dots: a symbol that looks like a space.
    const BLANK_BRAILLE: char = '\u{2800}';
    text.chars().all(|c| c.is_whitespace() || c == BLANK_BRAILLE || is_invisible(c))
}

fn visible(text: &str) -> String {
    let joins = |c: Option<char>| c.is_some_and(|c| c >= FIRST_JOINING_CHAR && !is_invisible(c) && !c.is_whitespace());
    let mut kept = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !is_invisible(c) || (JOINERS.contains(&c) && joins(before) && joins(chars.peek().copied())) {
            kept.push(c);
        }
        before = Some(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_look_the_same_have_the_same_canonical_form() {
        for same in
            ["X", "X ", " X", "\tX\n", "\u{a0}X\u{3000}", "\u{feff}X", "X\u{200e}", "\u{202a}X\u{202c}", "X\u{200d}"]
        {
            assert_eq!(canonical(same), "X", "{same:?}");
        }
        assert_eq!(canonical("e\u{301}"), "\u{e9}");
        assert_eq!(canonical("M\u{200b}-1\u{ad}"), "M-1");
        assert_eq!(canonical(" a b "), "a b");
        assert_ne!(canonical("x"), canonical("X"));
    }

    #[test]
    fn joiners_are_kept_in_scripts_and_emoji_that_need_them() {
        for text in ["\u{1f469}\u{200d}\u{1f467}", "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}"] {
            assert_eq!(canonical(text), text);
        }
        assert_eq!(canonical("M\u{200c}1"), "M1");
    }

    #[test]
    fn a_text_without_visible_characters_is_blank() {
        for blank in ["", " ", "\u{200b}", "\u{feff}\u{200e}", "\u{3164}", "\u{2800}", "\u{e0041}\u{fe0f}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank("\u{200b}x") && !is_blank("\u{1f469}"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_of_a_canonical_text_is_the_text_itself(text in "[a-zé \u{300}-\u{304}\u{200b}-\u{200f}\u{feff}\u{0645}\u{1f467}\u{1100}\u{1161}]{0,12}|.{0,12}") {
            let once = canonical(&text).into_owned();
            prop_assert_eq!(canonical(&once), once.as_str());
        }
    }
}
