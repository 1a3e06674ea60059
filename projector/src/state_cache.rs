//! The states of streams that a worker keeps in memory between batches: the most recently used, bounded in number and
//! bytes.

use std::num::NonZeroUsize;

use events::StreamId;
use lru::LruCache;

/// Memory per state, in bytes of its JSON. Most documents need a quarter of this; without this limit, a cache full of the
/// largest documents would need a hundred times as much memory.
const BYTES_PER_STATE: usize = 8 * 1024;

/// States by stream; the least recently used are removed first.
#[derive(Debug)]
pub struct StateCache<S> {
    entries: LruCache<StreamId, Entry<S>>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry<S> {
    state: S,
    bytes: usize,
}

impl<S> StateCache<S> {
    /// An empty cache for at most `states_max` states.
    pub fn new(states_max: NonZeroUsize) -> StateCache<S> {
        StateCache {
            entries: LruCache::new(states_max),
            bytes: 0,
            bytes_max: states_max.get().saturating_mul(BYTES_PER_STATE),
        }
    }

    /// Removes and returns a state.
    pub fn take(&mut self, stream: &StreamId) -> Option<S> {
        let entry = self.entries.pop(stream)?;
        self.bytes -= entry.bytes;
        Some(entry.state)
    }

    /// Adds a state whose JSON has `bytes` bytes, and removes the least recently used states above the limits.
    pub fn insert(&mut self, stream: StreamId, state: S, bytes: usize) {
        self.bytes += bytes;
        let replaced = self.entries.push(stream, Entry { state, bytes });
        self.bytes -= replaced.map_or(0, |(_, entry)| entry.bytes);
        while self.bytes > self.bytes_max
            && let Some((_, entry)) = self.entries.pop_lru()
        {
            self.bytes -= entry.bytes;
        }
    }

    /// Removes all states.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: usize) -> StreamId {
        format!("product-{number}").parse().unwrap()
    }

    #[test]
    fn the_least_recently_used_documents_are_removed_first() {
        let mut documents = StateCache::new(NonZeroUsize::new(3).unwrap());
        for number in 0..4 {
            documents.insert(stream(number), number, 10);
        }
        assert_eq!(documents.take(&stream(0)), None);
        assert_eq!(documents.take(&stream(3)), Some(3));
        documents.insert(stream(1), 10, 3 * BYTES_PER_STATE);
        assert_eq!(documents.take(&stream(2)), None, "the large document needs all the memory");
        assert_eq!((documents.take(&stream(1)), documents.bytes), (Some(10), 0));
    }

    #[test]
    fn a_document_larger_than_the_limit_is_not_kept() {
        let mut documents = StateCache::new(NonZeroUsize::MIN);
        documents.insert(stream(1), 1, BYTES_PER_STATE + 1);
        assert_eq!((documents.take(&stream(1)), documents.bytes), (None, 0));
    }
}
