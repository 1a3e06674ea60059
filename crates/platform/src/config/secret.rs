//! A string that does not print: passwords, keys, and addresses that carry them.

use super::FromSetting;
use std::fmt;

/// A secret. `Debug` hides it and there is no `Display`; [`Secret::expose`] is the one way out and easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromSetting for Secret {
    const FORM: &'static str = "its secret text";
    const HIDDEN: bool = true;
    fn from_setting(text: &str) -> Option<Self> {
        Some(Secret::new(text))
    }
}
