//! The type of the name and the instant that every group of commands returns for its commands.

use chrono::{DateTime, Utc};

/// The name of a command, and the instant at which it happened, if the caller states one.
pub(crate) type NameAndInstant = (&'static str, Option<DateTime<Utc>>);
