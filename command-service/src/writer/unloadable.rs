//! Streams that a command needs and that cannot be loaded.

use std::collections::HashSet;

use events::StreamId;

/// Streams whose events cannot be decoded.
#[derive(Debug, Default)]
pub(super) struct Unloadable(HashSet<StreamId>);

impl Unloadable {
    pub(super) fn contains(&self, stream: &StreamId) -> bool {
        self.0.contains(stream)
    }

    pub(super) fn contains_any(&self, streams: &[StreamId]) -> bool {
        streams.iter().any(|stream| self.0.contains(stream))
    }

    pub(super) fn add(&mut self, streams: impl IntoIterator<Item = StreamId>) {
        self.0.extend(streams);
    }
}
