//! Log lines to standard error: JSON for machines, text for people. Each line reads alone: time, level, service, fields with
//! dots in their names. The JSON line itself is built in [`line`].

mod line;

use crate::config::FromSetting;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For a terminal.
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

/// What is logged: a level, or directives as `tracing-subscriber` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Everything from `info` up.
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

/// Starts logging for this process, panics included. Call it once, first thing after the settings.
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

/// A panic is a log line like any other, so that it is found where the others are.
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
            "a panic"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_the_forms() {
        assert_eq!(Format::from_setting("json"), Some(Format::Json));
        assert_eq!(Format::from_setting("xml"), None);
        assert!(Filter::from_setting("info,hyper=warn").is_some());
        assert!(Filter::from_setting("platform=loud").is_none());
    }
}
