//! The report of missing and invalid settings, with the expected form of each ([`Settings`](super::Settings) collects them).

use std::fmt;

/// A setting that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    name: &'static str,
    fault: Fault,
    form: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Missing,
    Is(String),
    Hidden,
}

impl ConfigError {
    pub(super) fn missing(name: &'static str, form: &str) -> Self {
        ConfigError { name, fault: Fault::Missing, form: form.to_owned() }
    }

    /// `shown` is the value, or `None` if it must not be shown.
    pub(super) fn wrong(name: &'static str, shown: Option<&str>, form: String) -> Self {
        let fault = shown.map_or(Fault::Hidden, |text| Fault::Is(text.to_owned()));
        ConfigError { name, fault, form }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { name, fault, form } = self;
        match fault {
            Fault::Missing => write!(f, "{name} is missing: set it to {form}"),
            Fault::Is(text) => write!(f, "{name} is {text:?}: set it to {form}"),
            Fault::Hidden => write!(f, "{name} has a wrong value: set it to {form}"),
        }
    }
}

/// All errors; never empty. Displays one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The errors in the order in which the settings were read.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 setting is missing or wrong:")?,
            count => write!(f, "{count} settings are missing or wrong:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ConfigErrors {}
