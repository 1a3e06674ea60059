//! Place of an event in the log ([`Position`], [`Incarnation`], [`LogPosition`]) and in its stream ([`Version`]).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact::MAX_EXACT;

/// Position of an event in the log: starts at 1, without gaps, in commit order. 0 is the position before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position(#[schemars(range(min = 0, max = MAX_EXACT))] pub i64);

impl Position {
    /// The position before the first event.
    pub const ZERO: Position = Position(0);

    /// The position `count` events further on.
    pub fn plus(self, count: usize) -> Position {
        Position(self.0 + count as i64)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of an event in its stream: starts at 1, without gaps. 0 is the version of a stream that does not exist yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Version(pub i32);

impl Version {
    /// The version of a stream that does not exist yet.
    pub const NONE: Version = Version(0);

    /// The version after this one.
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Incarnation of the log, starting at 1. It is incremented when a replica is promoted or a backup is restored, because the positions of
/// lost events are then assigned again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Incarnation(pub i32);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in one incarnation of the log. Compared by incarnation first, because positions of events that were lost in a failover are
/// assigned again. The text form sorts like the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    /// Incarnation that wrote the event.
    pub incarnation: Incarnation,
    /// Position of the event.
    pub position: Position,
}

impl LogPosition {
    /// Digits of the incarnation in the text form. Incarnations are at most 4095.
    const INCARNATION_DIGITS: usize = 4;

    /// Length of the text form: the incarnation, then 19 digits of position, enough for the largest position.
    pub const TEXT_BYTES: usize = Self::INCARNATION_DIGITS + 19;

    /// The log position before every event of every incarnation.
    pub const ZERO: LogPosition = LogPosition { incarnation: Incarnation(0), position: Position::ZERO };
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:019}", self.incarnation.0, self.position.0)
    }
}

/// The text is not a log position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log position has {} digits", LogPosition::TEXT_BYTES)]
pub struct InvalidLogPosition;

impl FromStr for LogPosition {
    type Err = InvalidLogPosition;

    fn from_str(text: &str) -> Result<Self, InvalidLogPosition> {
        if text.len() != LogPosition::TEXT_BYTES || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidLogPosition);
        }
        let (incarnation, position) = text.split_at(LogPosition::INCARNATION_DIGITS);
        let incarnation = Incarnation(incarnation.parse().map_err(|_| InvalidLogPosition)?);
        let position = Position(position.parse().map_err(|_| InvalidLogPosition)?);
        Ok(LogPosition { incarnation, position })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log_positions() -> impl Strategy<Value = LogPosition> {
        let position = prop_oneof![0..1000i64, 0..=i64::MAX];
        (1..=4095i32, position).prop_map(|(incarnation, position)| LogPosition {
            incarnation: Incarnation(incarnation),
            position: Position(position),
        })
    }

    proptest! {
        #[test]
        fn texts_sort_by_incarnation_and_position(a in log_positions(), b in log_positions()) {
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.to_string().len(), LogPosition::TEXT_BYTES);
        }

        #[test]
        fn a_text_is_read_back(at in log_positions()) {
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }
    }
}
