//! Identity of the log. Several platforms can share one Kafka cluster; the source of a message distinguishes their events.

use std::str::FromStr;

use uuid::Uuid;

/// Prefix of the source of every event, followed by the identity of the log.
const URN: &str = "urn:order-platform:log:";

/// Source of all events that were published by releases before the introduction of [`LogId`].
const BEFORE_IDENTITY: &str = "/order-platform/log";

/// Identity of a log: assigned once by a migration and kept in backups. A restored backup is the same log in another
/// [`crate::Incarnation`], so the source and the id of an event together are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId(pub Uuid);

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{URN}{}", self.0)
    }
}

/// Source of a message (`ce_source`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The event belongs to this log.
    Log(LogId),
    /// The event was published by a release before the introduction of [`LogId`]; the log is not known.
    Unidentified,
}

/// The text is not the source of an event of this platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source is neither `{URN}` followed by a UUID nor `{BEFORE_IDENTITY}`")]
pub struct InvalidSource;

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if text == BEFORE_IDENTITY {
            return Ok(Source::Unidentified);
        }
        let id = text.strip_prefix(URN).and_then(|id| Uuid::try_parse(id).ok());
        id.map(|id| Source::Log(LogId(id))).ok_or(InvalidSource)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Log(log) => log.fmt(f),
            Source::Unidentified => f.write_str(BEFORE_IDENTITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formatted_source_is_parsed_back() {
        for source in [Source::Log(LogId(Uuid::from_u128(7))), Source::Unidentified] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        for foreign in ["", "/shop", "urn:order-platform:log:", "urn:order-platform:log:7", "/order-platform/log/"] {
            assert_eq!(foreign.parse::<Source>(), Err(InvalidSource), "{foreign}");
        }
    }
}
