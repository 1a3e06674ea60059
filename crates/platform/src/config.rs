//! Reads the settings of a process from the environment and reports all errors at once. The only file that reads the environment.
//!
//! [`form`] parses values, [`errors`] formats the report, [`secret`] hides secret values.
//!
//! ```
//! use platform::config::Settings;
//!
//! let mut settings = Settings::from_map([("HTTP_ADDR", "127.0.0.1:8080")]);
//! let addr = settings.required::<std::net::SocketAddr>("HTTP_ADDR");
//! let batch = settings.bounded("BATCH_MAX", 500_usize, 1..=10_000);
//!
//! let complete = settings.finish().expect("every setting is well formed");
//! assert_eq!(addr.get(&complete).port(), 8080);
//! assert_eq!(batch.get(&complete), 500);
//! ```

pub mod errors;
pub mod form;
pub mod secret;

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

pub use errors::{ConfigError, ConfigErrors};
pub use form::FromSetting;
pub use secret::Secret;

/// The settings of a process and the errors found so far. An empty value counts as missing.
#[derive(Debug)]
pub struct Settings {
    values: HashMap<String, Option<String>>,
    errors: Vec<ConfigError>,
}

/// A setting that was read. Its value is available once *all* settings are known to be valid.
#[derive(Debug)]
#[must_use = "a setting without a reader need not be read"]
pub struct Field<T>(Option<T>);

/// Proof that all settings are present and valid. Only [`Settings::finish`] creates it.
#[derive(Debug)]
pub struct Complete(());

impl<T> Field<T> {
    /// The value. The proof must come from the [`Settings`] that read the field.
    pub fn get(self, _: &Complete) -> T {
        self.0.expect("the proof of other settings was shown for this field")
    }
}

impl Settings {
    /// Settings from the environment of this process.
    pub fn from_env() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Settings { values: named.map(|(name, value)| (name, value.into_string().ok())).collect(), errors: vec![] }
    }

    /// Settings from a map, for tests.
    pub fn from_map<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        Settings { values: values.into_iter().map(|(n, v)| (n.into(), Some(v.into()))).collect(), errors: vec![] }
    }

    /// A required setting.
    pub fn required<T: FromSetting>(&mut self, name: &'static str) -> Field<T> {
        match self.text(name) {
            Text::Given(text) => Field(self.parse(name, &text)),
            Text::Wrong => Field(None),
            Text::Missing => {
                self.errors.push(ConfigError::missing(name, T::FORM));
                Field(None)
            }
        }
    }

    /// A setting with a default.
    pub fn optional<T: FromSetting>(&mut self, name: &'static str, default: T) -> Field<T> {
        match self.text(name) {
            Text::Given(text) => Field(self.parse(name, &text)),
            Text::Wrong => Field(None),
            Text::Missing => Field(Some(default)),
        }
    }

    /// A setting that can be absent.
    pub fn maybe<T: FromSetting>(&mut self, name: &'static str) -> Field<Option<T>> {
        match self.text(name) {
            Text::Given(text) => Field(self.parse(name, &text).map(Some)),
            Text::Wrong => Field(None),
            Text::Missing => Field(Some(None)),
        }
    }

    /// A setting that must be set, if only to an empty value. `form` completes the sentence "set it to …".
    pub fn required_or_empty<T: FromSetting>(&mut self, name: &'static str, form: &str) -> Field<Option<T>> {
        if self.values.contains_key(name) {
            return self.maybe(name);
        }
        self.errors.push(ConfigError::missing(name, form));
        Field(None)
    }

    /// A required setting that is never shown, neither in errors nor by `Debug`.
    pub fn secret(&mut self, name: &'static str) -> Field<Secret> {
        self.required(name)
    }

    /// A setting with a default and a parser, whose error completes the sentence "set it to …".
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Field<T> {
        match self.text(name) {
            Text::Given(text) => match read(&text) {
                Ok(value) => Field(Some(value)),
                Err(form) => {
                    self.errors.push(ConfigError::wrong(name, Some(&text), form.to_string()));
                    Field(None)
                }
            },
            Text::Wrong => Field(None),
            Text::Missing => Field(Some(default)),
        }
    }

    /// A setting with a default, whose value must lie within `range`.
    pub fn bounded<T>(&mut self, name: &'static str, default: T, range: RangeInclusive<T>) -> Field<T>
    where
        T: FromSetting + PartialOrd + Display,
    {
        let Field(Some(value)) = self.optional(name, default) else { return Field(None) };
        if range.contains(&value) {
            return Field(Some(value));
        }
        let form = format!("{} from {} to {}", T::FORM, range.start(), range.end());
        self.errors.push(ConfigError::wrong(name, Some(&value.to_string()), form));
        Field(None)
    }

    /// Records an error that depends on several settings: `settings.reject("LOW_WATER", "a number below HIGH_WATER")`.
    pub fn reject(&mut self, name: &'static str, form: impl Into<String>) {
        self.errors.push(ConfigError::wrong(name, None, form.into()));
    }

    /// Combines fields into one, so that a part of a configuration can be read by a separate function.
    pub fn group<T>(&self, build: impl FnOnce(&Complete) -> T) -> Field<T> {
        Field(self.errors.is_empty().then(|| build(&Complete(()))))
    }

    /// The proof that gives access to every field, or all errors.
    pub fn finish(self) -> Result<Complete, ConfigErrors> {
        match self.errors.is_empty() {
            true => Ok(Complete(())),
            false => Err(ConfigErrors(self.errors)),
        }
    }

    fn text(&mut self, name: &'static str) -> Text {
        match self.values.get(name) {
            Some(Some(text)) if !text.trim().is_empty() => Text::Given(text.trim().to_owned()),
            Some(Some(_)) | None => Text::Missing,
            Some(None) => {
                self.reject(name, "text in UTF-8");
                Text::Wrong
            }
        }
    }

    fn parse<T: FromSetting>(&mut self, name: &'static str, text: &str) -> Option<T> {
        let value = T::from_setting(text);
        if value.is_none() {
            let shown = (!T::HIDDEN).then_some(text);
            self.errors.push(ConfigError::wrong(name, shown, T::FORM.to_owned()));
        }
        value
    }
}

enum Text {
    Given(String),
    Missing,
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use std::time::Duration;

    #[test]
    fn all_errors_are_reported_at_once_one_per_line() {
        let mut settings =
            Settings::from_map([("BATCH_MAX", "0"), ("TIMEOUT", "soon"), ("EMPTY", "  "), ("KEY", "hunter2")]);
        let _ = settings.required::<SocketAddr>("HTTP_ADDR");
        let _ = settings.bounded("BATCH_MAX", 500_usize, 1..=10_000);
        let _ = settings.optional("TIMEOUT", Duration::from_secs(1));
        let _ = settings.required::<String>("EMPTY");
        let _ = settings.secret("KEY");

        let report = settings.finish().expect_err("four of five are wrong").to_string();

        assert_eq!(
            report,
            "4 settings are missing or wrong:\n  \
             HTTP_ADDR is missing: set it to an address and port such as 127.0.0.1:8080\n  \
             BATCH_MAX is \"0\": set it to a whole number from 1 to 10000\n  \
             TIMEOUT is \"soon\": set it to a duration such as 250ms, 10s, 5m or 1h\n  \
             EMPTY is missing: set it to text"
        );
    }

    #[test]
    fn a_wrong_secret_is_not_shown() {
        struct Key;
        impl FromSetting for Key {
            const FORM: &'static str = "32 bytes in base64";
            const HIDDEN: bool = true;
            fn from_setting(_: &str) -> Option<Self> {
                None
            }
        }
        let mut settings = Settings::from_map([("KEY", "hunter2")]);
        let _ = settings.required::<Key>("KEY");
        let report = settings.finish().expect_err("the key is wrong").to_string();
        assert!(report.contains("KEY has a wrong value: set it to 32 bytes in base64"), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
    }

    #[test]
    fn the_error_of_a_parser_is_reported() {
        let even = |text: &str| if text.len().is_multiple_of(2) { Ok(text.len()) } else { Err("an even text") };
        let mut settings = Settings::from_map([("ODD", "abc"), ("EVEN", "ab")]);
        let (given, missing) = (settings.parsed("EVEN", 0, even), settings.parsed("NONE", 7, even));
        assert_eq!((given.0, missing.0), (Some(2), Some(7)));
        let _ = settings.parsed("ODD", 0, even);
        let report = settings.finish().expect_err("one is wrong").to_string();
        assert!(report.contains("ODD is \"abc\": set it to an even text"), "{report}");
    }

    #[test]
    fn missing_settings_get_their_default_or_none() {
        let mut settings = Settings::from_map([("REDIS_URL", "")]);
        let port = settings.optional("PORT", 8080_u16);
        let redis = settings.maybe::<Secret>("REDIS_URL");
        let complete = settings.finish().expect("nothing is required");
        assert_eq!(port.get(&complete), 8080);
        assert!(redis.get(&complete).is_none());
    }

    #[test]
    fn a_setting_that_may_be_empty_must_still_be_set() {
        let mut settings = Settings::from_map([("EMPTY", " "), ("GIVEN", "7")]);
        let (empty, given) =
            (settings.required_or_empty::<u16>("EMPTY", ""), settings.required_or_empty::<u16>("GIVEN", ""));
        assert_eq!((empty.0, given.0), (Some(None), Some(Some(7))));
        let _ = settings.required_or_empty::<u16>("FORGOTTEN", "a port, or to an empty value");
        let report = settings.finish().expect_err("one is missing").to_string();
        assert!(report.ends_with("FORGOTTEN is missing: set it to a port, or to an empty value"), "{report}");
    }

    #[test]
    fn a_group_of_invalid_fields_is_not_built() {
        let mut settings = Settings::from_map([("PORT", "none")]);
        let port = settings.optional("PORT", 1_u16);
        let group = settings.group(|complete| port.get(complete));
        assert!(group.0.is_none());
    }
}
