//! Tags and external references in filters, in the canonical form in which commands store them.

use events::text;

/// A tag or external reference, in the forms in which it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The canonical form, which commands store.
    pub canonical: String,
    /// The form in the request where it differs, because references were once stored without conversion.
    pub as_given: Option<String>,
}

impl Label {
    /// The label of a text in a request; `None` if the text has no visible character.
    pub fn of(given: &str) -> Option<Label> {
        let canonical = text::canonical(given).into_owned();
        let as_given = (canonical != given).then(|| given.to_owned());
        (!canonical.is_empty()).then_some(Label { canonical, as_given })
    }

    /// All forms to search for.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.canonical.as_str()).chain(self.as_given.as_deref())
    }
}
