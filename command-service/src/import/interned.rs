//! Words that repeat on many lines, kept once and named by a number.

use std::collections::HashMap;

/// A list of words without repeats, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub struct Interned {
    numbers: HashMap<Box<str>, u32>,
    words: Vec<Box<str>>,
}

impl Interned {
    /// The number of a word; a new one if it was not seen before.
    pub fn number(&mut self, word: &str) -> u32 {
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
    pub fn word(&self, number: u32) -> &str {
        &self.words[number as usize]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.words.len()
    }
}
