//! Folding streams while they are loaded from the log.

use std::collections::HashMap;

use events::{LogPosition, Recorded, StreamId};

use crate::log::snapshot::{Snapshot, StreamItem};
use domain::world::Slot;

/// Streams that are being loaded.
pub(super) struct Folds {
    /// The end of the log that the world corresponds to.
    head: LogPosition,
    pub(super) streams: HashMap<StreamId, Fold>,
    /// Whether one of the streams has events after the head.
    pub(super) behind: bool,
    /// Whether a snapshot could not be decoded, so that the streams must be folded from their first events.
    pub(super) unreadable_snapshot: bool,
}

/// A stream that is being loaded.
pub(super) struct Fold {
    pub(super) slot: Slot,
    /// Number of events since the snapshot.
    pub(super) events: usize,
    /// Position of the last of these events.
    pub(super) last: Option<LogPosition>,
    /// Whether all events could be decoded.
    pub(super) readable: bool,
}

impl Folds {
    pub(super) fn new(names: &[StreamId], head: LogPosition) -> Folds {
        let empty = || Fold { slot: Slot::default(), events: 0, last: None, readable: true };
        Folds {
            head,
            streams: names.iter().map(|stream| (stream.clone(), empty())).collect(),
            behind: false,
            unreadable_snapshot: false,
        }
    }

    pub(super) fn add(&mut self, item: StreamItem) {
        let (stream, position) = match &item {
            StreamItem::Snapshot(snapshot) => (&snapshot.stream, snapshot.position),
            StreamItem::Event(recorded) => (&recorded.stream, recorded.position),
        };
        // Another writer appended after the head: the batch would lose the race.
        if position > self.head.position {
            self.behind = true;
            return;
        }
        match (self.streams.get_mut(stream), &item) {
            (Some(fold), StreamItem::Snapshot(snapshot)) => self.unreadable_snapshot |= !fold.restore(snapshot),
            (Some(fold), StreamItem::Event(recorded)) => fold.evolve(recorded),
            (None, _) => {}
        }
    }
}

impl Fold {
    /// Starts from a snapshot; `false` if it cannot be decoded.
    fn restore(&mut self, snapshot: &Snapshot) -> bool {
        match serde_json::from_str(&snapshot.state) {
            Ok(state) => {
                self.slot = Slot { version: snapshot.version, state: Some(state) };
                true
            }
            Err(error) => {
                tracing::warn!(
                    stream = %snapshot.stream, version = snapshot.version.0, %error,
                    "cannot decode a snapshot; loading the stream from its first event"
                );
                false
            }
        }
    }

    fn evolve(&mut self, recorded: &Recorded) {
        if !self.readable {
            return;
        }
        self.events += 1;
        self.last = Some(LogPosition { incarnation: recorded.incarnation, position: recorded.position });
        match recorded.decode() {
            Ok(event) => drop(self.slot.evolve(&event)),
            Err(error) => {
                tracing::error!(
                    stream = %recorded.stream, position = recorded.position.0, %error,
                    "cannot decode an event; commands that need its stream are refused"
                );
                self.readable = false;
            }
        }
    }
}
