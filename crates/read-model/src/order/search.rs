//! The values by which lists of orders are filtered and searched: SKUs and search text.

use std::collections::BTreeSet;

use super::document::OrderDocument;
use crate::search::stored_text;

/// Maximum length of a search text, in characters: the texts of about fifty lines. An order can have 500 lines, and a
/// longer text would make the search index large without making such an order easier to find.
pub const MAX_SEARCH_TEXT_CHARS: usize = 2_000;

impl OrderDocument {
    /// SKUs of the lines, sorted and without repetitions.
    pub fn skus(&self) -> Vec<&str> {
        let skus: BTreeSet<&str> = self.lines.iter().map(|line| line.progress.sku.as_str()).collect();
        skus.into_iter().collect()
    }

    /// Text for the search for parts of it: code, external reference, SKUs and product names, folded as [`crate::search`] says, at most [`MAX_SEARCH_TEXT_CHARS`] characters. The text has no personal data.
    pub fn search_text(&self) -> String {
        let names = self.lines.iter().map(|line| line.name.as_str());
        let references = [Some(self.code.as_str()), self.external_ref.as_deref()].into_iter().flatten();
        stored_text(references.chain(self.skus()).chain(names), MAX_SEARCH_TEXT_CHARS)
    }
}
