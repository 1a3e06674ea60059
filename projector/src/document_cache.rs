//! The documents that a worker keeps in memory between batches: the most recently used, bounded in number and bytes.

use std::num::NonZeroUsize;

use events::StreamId;
use lru::LruCache;

/// Memory per document, in bytes of its JSON. Most documents need a quarter of this; without this limit, a cache full
/// of the largest documents would need a hundred times as much memory.
const BYTES_PER_DOCUMENT: usize = 8 * 1024;

/// Documents by stream; the least recently used are removed first.
#[derive(Debug)]
pub struct DocumentCache<D> {
    entries: LruCache<StreamId, Entry<D>>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry<D> {
    document: D,
    bytes: usize,
}

impl<D> DocumentCache<D> {
    /// An empty cache for at most `documents_max` documents.
    pub fn new(documents_max: NonZeroUsize) -> DocumentCache<D> {
        DocumentCache {
            entries: LruCache::new(documents_max),
            bytes: 0,
            bytes_max: documents_max.get().saturating_mul(BYTES_PER_DOCUMENT),
        }
    }

    /// Removes and returns a document.
    pub fn take(&mut self, stream: &StreamId) -> Option<D> {
        let entry = self.entries.pop(stream)?;
        self.bytes -= entry.bytes;
        Some(entry.document)
    }

    /// Adds a document whose JSON has `bytes` bytes, and removes the least recently used documents above the limits.
    pub fn insert(&mut self, stream: StreamId, document: D, bytes: usize) {
        self.bytes += bytes;
        let replaced = self.entries.push(stream, Entry { document, bytes });
        self.bytes -= replaced.map_or(0, |(_, entry)| entry.bytes);
        while self.bytes > self.bytes_max
            && let Some((_, entry)) = self.entries.pop_lru()
        {
            self.bytes -= entry.bytes;
        }
    }

    /// Removes all documents.
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
        let mut documents = DocumentCache::new(NonZeroUsize::new(3).unwrap());
        for number in 0..4 {
            documents.insert(stream(number), number, 10);
        }
        assert_eq!(documents.take(&stream(0)), None);
        assert_eq!(documents.take(&stream(3)), Some(3));
        documents.insert(stream(1), 10, 3 * BYTES_PER_DOCUMENT);
        assert_eq!(documents.take(&stream(2)), None, "the large document needs all the memory");
        assert_eq!((documents.take(&stream(1)), documents.bytes), (Some(10), 0));
    }

    #[test]
    fn a_document_larger_than_the_limit_is_not_kept() {
        let mut documents = DocumentCache::new(NonZeroUsize::MIN);
        documents.insert(stream(1), 1, BYTES_PER_DOCUMENT + 1);
        assert_eq!((documents.take(&stream(1)), documents.bytes), (None, 0));
    }
}
