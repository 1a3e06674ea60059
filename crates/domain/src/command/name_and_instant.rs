//! The type of the name and the instant that every group of commands returns for its commands.

use chrono::{DateTime, Utc};

/// The name of a command, and the instant of the command, if the caller states an instant.
pub(crate) type NameAndInstant = (&'static str, Option<DateTime<Utc>>);
