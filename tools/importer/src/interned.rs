//! Stores words that repeat on many lines once, and identifies them by a number.

use std::collections::HashMap;

/// A list of distinct words, in the order of their first occurrence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interned {
    numbers: HashMap<Box<str>, u32>,
    words: Vec<Box<str>>,
}

impl Interned {
    /// The number of a word; adds the word if it is new.
    pub(crate) fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        // There are fewer words than lines, and lines are counted in a `u32`.
        let number = self.words.len() as u32;
        self.numbers.insert(word.into(), number);
        self.words.push(word.into());
        number
    }

    /// The word with this number.
    pub(crate) fn word(&self, number: u32) -> &str {
        &self.words[number as usize]
    }

    /// Number of distinct words.
    pub(crate) fn count(&self) -> usize {
        self.words.len()
    }
}
