//! Counts the descriptions of a product; the most frequent one becomes the name of the product.

use domain::value::text::Name;

/// Most different descriptions that are counted for one SKU; real data has a handful, a damaged file may have thousands.
const MAX_DESCRIPTIONS: usize = 64;

/// Longest name, in characters: that of [`Name`].
const MAX_NAME_CHARS: usize = 200;

/// The descriptions of one SKU and how often each was used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Descriptions(Vec<(Box<str>, u32)>);

impl Descriptions {
    /// Counts a description, unless it is empty.
    pub(crate) fn add(&mut self, description: &str) {
        let shown: String = description.chars().take(MAX_NAME_CHARS).collect();
        if let Some((_, uses)) = self.0.iter_mut().find(|(known, _)| **known == *shown) {
            *uses += 1;
        } else if !shown.is_empty() && self.0.len() < MAX_DESCRIPTIONS {
            self.0.push((shown.into(), 1));
        }
    }

    /// The most frequent description as a name (of several, the first one); `None` if there is no description.
    pub(crate) fn name(&self) -> Option<Name> {
        let most = self.0.iter().map(|(_, uses)| *uses).max()?;
        let (description, _) = self.0.iter().find(|(_, uses)| *uses == most)?;
        let line: String = description.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.parse().ok()
    }

    /// Whether there are several different descriptions.
    pub(crate) fn differ(&self) -> bool {
        self.0.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(descriptions: &[&str]) -> Option<String> {
        let mut counted = Descriptions::default();
        descriptions.iter().for_each(|description| counted.add(description));
        counted.name().map(|name| name.as_str().to_owned())
    }

    #[test]
    fn the_most_frequent_description_is_the_name() {
        assert_eq!(name(&["?", "CUP", "", "CUP", ""]).as_deref(), Some("CUP"));
        assert_eq!(name(&["CUP", "MUG"]).as_deref(), Some("CUP"));
        assert_eq!(name(&["", ""]), None);
    }

    #[test]
    fn a_description_is_shortened_and_cleaned_to_a_valid_name() {
        assert_eq!(name(&["A\tB"]).as_deref(), Some("A B"));
        assert_eq!(name(&[&"x".repeat(500)]).map(|name| name.len()), Some(200));
    }
}
