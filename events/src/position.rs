//! Where an event stands: in the log ([`Position`]), in its stream ([`Version`]), and in which life of the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact::MAX_EXACT;

/// Place in the log, from 1, gapless and in commit order; 0 is before the first event. The one clock that all share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position(#[schemars(range(min = 0, max = MAX_EXACT))] pub i64);

impl Position {
    /// Before the first event.
    pub const ZERO: Position = Position(0);

    /// The position `count` events further on.
    pub fn plus(self, count: usize) -> Position {
        Position(self.0 + count as i64)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of an event in its stream, from 1, gapless; 0 is a stream that does not exist yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Version(pub i32);

impl Version {
    /// A stream that does not exist yet.
    pub const NONE: Version = Version(0);

    /// The version after this one.
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Life of the log, from 1; bumped when it is promoted or restored, because positions of a lost tail are issued again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Incarnation(pub i32);

impl std::fmt::Display for Incarnation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
