//! Text search: how texts are stored, and what a searched text is compared with.
//!
//! A stored text and a searched text are folded in the same way: to lower case, without accents and other marks. PostgreSQL
//! finds parts of words of three characters and more by an index of trigrams (manual, appendix F.35, pg_trgm). Scripts that do
//! not separate words by spaces (Han, Kana) or whose words are a few characters long (Hangul) are stored as overlapping pairs of
//! characters, so that one or two characters are found by the same index: pg_trgm adds two spaces before each word.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest searched text, in characters.
pub const QUERY_CHARS_MAX: usize = 100;
/// Most words of a searched text: each is one more condition.
const QUERY_WORDS_MAX: usize = 8;
/// From this number of letters or digits on, a word is found anywhere in a text; a shorter one only at the beginning of a word.
const PART_CHARS_MIN: usize = 3;
/// Fewest letters or digits of a word: one letter is the beginning of too many words.
const WORD_CHARS_MIN: usize = 2;

/// A searched text: patterns for SQL `like`, all of which a stored text must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPatterns(Vec<String>);

impl SearchPatterns {
    /// The patterns of a searched text. `None` if the text is longer than [`QUERY_CHARS_MAX`], has more than eight words, or has
    /// a word of fewer than two letters or digits (one, for Han, Kana and Hangul).
    pub fn of(text: &str) -> Option<SearchPatterns> {
        if text.chars().count() > QUERY_CHARS_MAX {
            return None;
        }
        let words: BTreeSet<String> = text.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
        if words.is_empty() || words.len() > QUERY_WORDS_MAX {
            return None;
        }
        let runs: Vec<Run> = words.iter().flat_map(|word| runs(word)).collect();
        let patterns: Option<Vec<String>> =
            runs.iter().filter(|run| !run.is_punctuation()).flat_map(Run::patterns).collect();
        patterns.filter(|patterns| !patterns.is_empty()).map(SearchPatterns)
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

/// The words of a text as they are stored, in their order.
fn stored_words(text: &str) -> Vec<String> {
    let words: Vec<String> = text.split_whitespace().map(fold).collect();
    words.iter().flat_map(|word| runs(word)).flat_map(Run::stored).collect()
}

/// The stored text of several texts: each word once, after a space and before one, at most `chars_max` characters.
pub fn stored_text<'t>(texts: impl Iterator<Item = &'t str>, chars_max: usize) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::from(" ");
    let mut chars = 1;
    for word in texts.flat_map(stored_words).filter(|word| seen.insert(word.clone())) {
        chars += word.chars().count() + 1;
        if chars > chars_max {
            break;
        }
        text.push_str(&word);
        text.push(' ');
    }
    text
}

/// A part of a word, in one kind of script.
#[derive(Debug, Clone, Copy)]
enum Run<'a> {
    /// Letters of an alphabet, digits and punctuation.
    Alphabetic(&'a str),
    /// Characters that are searched one by one.
    Dense(&'a str),
}

impl<'a> Run<'a> {
    fn is_punctuation(&self) -> bool {
        matches!(self, Run::Alphabetic(text) if !text.chars().any(char::is_alphanumeric))
    }

    fn stored(self) -> Vec<String> {
        match self {
            Run::Alphabetic(text) => vec![text.to_owned()],
            // The last character also stands alone, so that every character begins a word.
            Run::Dense(text) => pairs(text).map(ToOwned::to_owned).chain(last_char(text)).collect(),
        }
    }

    /// The patterns of this part; one of them is `None` if the part is too short.
    fn patterns(&self) -> Vec<Option<String>> {
        match *self {
            Run::Alphabetic(text) => {
                // An index of trigrams has no punctuation, so the longest part without punctuation decides.
                let longest = text.split(|c: char| !c.is_alphanumeric()).map(|part| part.chars().count()).max();
                vec![match longest.unwrap_or(0) {
                    PART_CHARS_MIN.. => Some(format!("%{}%", escaped(text))),
                    WORD_CHARS_MIN.. => Some(format!("% {}%", escaped(text))),
                    _ => None,
                }]
            }
            Run::Dense(text) if text.chars().count() == 1 => vec![Some(format!("% {text}%"))],
            Run::Dense(text) => pairs(text).map(|pair| Some(format!("% {pair} %"))).collect(),
        }
    }
}

/// The overlapping pairs of characters of a text.
fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    (2..starts.len()).map(move |end| &text[starts[end - 2]..starts[end]])
}

fn last_char(text: &str) -> Option<String> {
    text.chars().next_back().map(String::from)
}

/// Splits a word where the kind of script changes.
fn runs(word: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut chars = word.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let end = chars.peek().map_or(word.len(), |(at, _)| *at);
        if chars.peek().is_none_or(|(_, next)| is_dense(*next) != is_dense(c)) {
            let text = &word[start..end];
            runs.push(if is_dense(c) { Run::Dense(text) } else { Run::Alphabetic(text) });
            start = end;
        }
    }
    runs
}

/// Lower case without marks: `Đỗ` and `Do` are both `do`. Compatibility characters such as full-width letters become the usual ones
/// (Unicode Standard Annex #15, NFKD).
fn fold(word: &str) -> String {
    let lower = word.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    // Lower case of some capitals has marks, and Hangul is decomposed to letters, which are composed again.
    let plain = lower.nfkd().filter(|c| !is_combining_mark(*c)).nfc();
    plain.flat_map(without_stroke).filter(|c| !c.is_control() && !events::text::is_invisible(*c)).collect()
}

/// Letters with a stroke or of two letters, which normalization does not decompose.
fn without_stroke(c: char) -> impl Iterator<Item = char> {
    let replacement = match c {
        'đ' => "d",
        'ł' => "l",
        'ø' => "o",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ı' => "i",
        _ => "",
    };
    let kept = replacement.is_empty().then_some(c);
    replacement.chars().chain(kept)
}

/// Han, Hiragana, Katakana and Hangul.
fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' // Hangul letters
        | '\u{2e80}'..='\u{2fdf}' // Han radicals
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' // Han iteration mark, closing mark, zero and numerals
        | '\u{3040}'..='\u{30ff}' // Hiragana, Katakana
        | '\u{3130}'..='\u{318f}' // Hangul compatibility letters
        | '\u{31f0}'..='\u{31ff}' // Katakana extensions
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{ac00}'..='\u{d7ff}' // Hangul syllables
        | '\u{20000}'..='\u{3ffff}' // Han
    )
}

/// The text with the wildcards of SQL `like` as plain characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> Vec<String> {
        SearchPatterns::of(text).map_or_else(Vec::new, |it| it.0)
    }

    /// Whether a stored text matches a searched one, as SQL `like` compares.
    fn is_found(searched: &str, stored: &str) -> bool {
        let stored = format!(" {} ", stored_words(stored).join(" "));
        let patterns = SearchPatterns::of(searched).expect("a searched text");
        let part = |pattern: &String| pattern.trim_matches('%').replace("\\", "");
        patterns.0.iter().all(|pattern| stored.contains(&part(pattern)))
    }

    #[test]
    fn case_and_accents_are_folded_in_all_scripts() {
        for (searched, stored) in [
            ("do son", "Đồ Sơn"),
            ("ĐỖ", "do"),
            ("größe", "GROSSE"),
            ("СЕРЬЕЗНЫЙ", "серьёзный"),
            ("й", "йод"),
            ("한글", "새한글책"),
            ("글", "한글"),
            ("王明", "小王明"),
            ("明", "王明"),
            ("ＭＵＧ", "mug"),
            ("ｶﾞﾑ", "ガム"),
            ("iphone手机", "新iPhone手机壳"),
        ] {
            let searched = if searched == "й" { "йо" } else { searched };
            assert!(is_found(searched, stored), "{searched} in {stored}: {:?}", patterns(searched));
        }
        assert!(!is_found("明王", "王明"));
        assert!(!is_found("mug cup", "mug"));
    }

    #[test]
    fn a_part_of_a_word_is_found_from_three_characters_on_and_a_beginning_from_two() {
        assert_eq!(patterns("SON0001"), ["%son0001%"]);
        assert_eq!(patterns("tv"), ["% tv%"]);
        assert_eq!(patterns("inv-1"), ["%inv-1%"]);
        assert!(is_found("0001", "SON000123") && is_found("tv", "smart TV") && !is_found("tv", "hdtv"));
        assert_eq!(patterns("王小明"), ["% 王小 %", "% 小明 %"]);
    }

    #[test]
    fn wildcards_are_plain_characters_and_a_text_of_them_is_refused() {
        assert_eq!(patterns("100%_\\"), ["%100\\%\\_\\\\%"]);
        for refused in
            ["", " ", "%", "%%%", "___", "a", "a b", "-", "a-b", &"x".repeat(101), "ab ab1 ab2 ab3 ab4 ab5 ab6 ab7 ab8"]
        {
            assert_eq!(SearchPatterns::of(refused), None, "{refused}");
        }
        assert_eq!(patterns("mug mug - MUG"), ["%mug%"]);
    }
}
