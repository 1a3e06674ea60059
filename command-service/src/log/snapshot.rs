//! Snapshots of streams and of the order numbers. They make loading shorter and can be deleted at any time.
//!
//! A snapshot names the last event that it contains by position, incarnation, stream and version. It is used only while the log
//! holds that event: a snapshot that contains events of a lost tail is ignored, and overwritten by the next one.

use std::collections::BTreeMap;

use events::{Incarnation, Position, Recorded, StreamId, Version};

/// Loading with this shape ignores all snapshots and returns every event.
pub const NO_SHAPE: i64 = 0;

/// State of a stream at a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Stream of the state.
    pub stream: StreamId,
    /// Version of the last event that the state contains.
    pub version: Version,
    /// Position of that event.
    pub position: Position,
    /// Incarnation of the log in which that event was written.
    pub incarnation: Incarnation,
    /// Hash of the state's type; snapshots of another shape are ignored.
    pub shape: i64,
    /// The state, JSON.
    pub state: String,
}

/// One item of a stream that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// The last snapshot; comes before the events of its stream.
    Snapshot(Snapshot),
    /// The next event.
    Event(Recorded),
}

/// Last number of each order prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderNumbers {
    /// Position of the snapshot that was used; 0 if there was none.
    pub saved: Position,
    /// Last number by prefix.
    pub last: BTreeMap<String, u64>,
}
