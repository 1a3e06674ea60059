//! Which log an event stands in. Several platforms may share one Kafka: the source of a message tells their events apart.

use std::str::FromStr;

use uuid::Uuid;

/// What the source of every event begins with; the identity of the log follows.
const URN: &str = "urn:order-platform:log:";

/// The source that releases before the identity of logs gave to every event, whichever log it stood in.
const BEFORE_IDENTITY: &str = "/order-platform/log";

/// The identity of a log: given once by a migration, kept by backups. A restored copy is the same log in another
/// [`crate::Incarnation`], so source and id of an event together are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId(pub Uuid);

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{URN}{}", self.0)
    }
}

/// `ce_source` of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The event stands in this log.
    Log(LogId),
    /// A release before the identity of logs sent it: the log is not known.
    Unidentified,
}

/// A source that no platform writes.
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
    fn a_source_is_read_as_it_was_written() {
        for source in [Source::Log(LogId(Uuid::from_u128(7))), Source::Unidentified] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        for foreign in ["", "/shop", "urn:order-platform:log:", "urn:order-platform:log:7", "/order-platform/log/"] {
            assert_eq!(foreign.parse::<Source>(), Err(InvalidSource), "{foreign}");
        }
    }
}
