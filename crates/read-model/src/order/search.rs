//! The values by which lists of orders are filtered and searched: SKUs and search text.

use std::collections::BTreeSet;

use super::document::OrderDocument;

/// Maximum length of a search text, in characters: the texts of about fifty lines. An order can have 500 lines, and a
/// longer text would make the search index large without making such an order easier to find.
pub const MAX_SEARCH_TEXT_CHARS: usize = 2_000;

impl OrderDocument {
    /// SKUs of the lines, sorted and without repetitions.
    pub fn skus(&self) -> Vec<&str> {
        let skus: BTreeSet<&str> = self.lines.iter().map(|line| line.progress.sku.as_str()).collect();
        skus.into_iter().collect()
    }

    /// Text for the search by words: code, external reference and product names in lower case, separated by single
    /// spaces, at most [`MAX_SEARCH_TEXT_CHARS`] characters. The text has no personal data.
    pub fn search_text(&self) -> String {
        let mut seen = BTreeSet::new();
        let names = self.lines.iter().map(|line| line.name.as_str()).filter(|name| seen.insert(*name));
        let texts = [Some(self.code.as_str()), self.external_ref.as_deref()].into_iter().flatten().chain(names);
        let mut text = String::new();
        let mut chars = 0;
        for word in texts.flat_map(str::split_whitespace) {
            let word = word.to_lowercase();
            chars += word.chars().count() + usize::from(!text.is_empty());
            if chars > MAX_SEARCH_TEXT_CHARS {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
        }
        text
    }
}
