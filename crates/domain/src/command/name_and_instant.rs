//! The type of what every group of commands states about its commands.

use chrono::{DateTime, Utc};

/// The name of a command, and when it happened as the caller says.
pub(crate) type NameAndInstant = (&'static str, Option<DateTime<Utc>>);
