//! A string that is not printed: a password, a key, or a URL that contains one.

use super::form::FromSetting;
use std::fmt;

/// A secret. `Debug` hides the value and there is no `Display`; only [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The secret text.
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
