//! Logging to standard error, as JSON for machines or as text for people. Every line contains time, level, service and fields with dotted
//! names, so that it can be understood without other lines. [`line`] formats a JSON line.

mod line;

use crate::config::FromSetting;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// Text for a terminal.
    Text,
}

impl FromSetting for Format {
    const FORM: &'static str = "json or text";
    fn from_setting(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Format::Json),
            "text" => Some(Format::Text),
            _ => None,
        }
    }
}

/// Which log lines are written: a level, or directives of `tracing-subscriber`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Level `info` and above.
    pub fn info() -> Self {
        Filter("info".to_owned())
    }
}

impl FromSetting for Filter {
    const FORM: &'static str = "a level such as info, or directives such as info,sqlx=warn";
    fn from_setting(text: &str) -> Option<Self> {
        EnvFilter::try_new(text).ok().map(|_| Filter(text.to_owned()))
    }
}

/// Starts logging for this process, including panics. Called once, directly after reading the settings.
pub fn init(service: &'static str, format: Format, filter: &Filter) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry().with(EnvFilter::new(&filter.0));
    match format {
        Format::Json => {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(line::JsonLine { service });
            registry.with(lines.with_writer(std::io::stderr)).try_init()?;
        }
        Format::Text => {
            let lines = tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal());
            registry.with(lines.with_writer(std::io::stderr)).try_init()?;
        }
    }
    log_panics();
    Ok(())
}

/// Logs panics like other errors.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(not text)");
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(
            panic.message = message,
            panic.location = location,
            panic.thread = thread,
            panic.backtrace = %backtrace,
            "panic"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_accept_known_formats_and_filters() {
        assert_eq!(Format::from_setting("json"), Some(Format::Json));
        assert_eq!(Format::from_setting("xml"), None);
        assert!(Filter::from_setting("info,hyper=warn").is_some());
        assert!(Filter::from_setting("platform=loud").is_none());
    }
}
