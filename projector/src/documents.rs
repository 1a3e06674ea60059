//! The documents that a worker keeps between batches: the last ones used, up to a number and a size.

use std::num::NonZeroUsize;

use events::StreamId;
use lru::LruCache;

/// Room for each document, in bytes of its JSON. Most take a quarter of it; without a bound of bytes, as many of the largest
/// would take a hundred times as much memory.
const ROOM_PER_DOCUMENT: usize = 8 * 1024;

/// Documents by stream.
#[derive(Debug)]
pub struct Documents<D> {
    kept: LruCache<StreamId, Kept<D>>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Kept<D> {
    document: D,
    bytes: usize,
}

impl<D> Documents<D> {
    /// None yet, and so many at most.
    pub fn new(most: NonZeroUsize) -> Documents<D> {
        Documents { kept: LruCache::new(most), bytes: 0, bytes_max: most.get().saturating_mul(ROOM_PER_DOCUMENT) }
    }

    /// Takes a document out.
    pub fn take(&mut self, stream: &StreamId) -> Option<D> {
        let kept = self.kept.pop(stream)?;
        self.bytes -= kept.bytes;
        Some(kept.document)
    }

    /// Keeps a document whose JSON has so many bytes; those that were not used for longest go where there is no room.
    pub fn keep(&mut self, stream: StreamId, document: D, bytes: usize) {
        self.bytes += bytes;
        let replaced = self.kept.push(stream, Kept { document, bytes });
        self.bytes -= replaced.map_or(0, |(_, kept)| kept.bytes);
        while self.bytes > self.bytes_max
            && let Some((_, kept)) = self.kept.pop_lru()
        {
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.kept.clear();
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
    fn as_many_documents_are_kept_as_there_is_room_for() {
        let mut documents = Documents::new(NonZeroUsize::new(3).unwrap());
        for number in 0..4 {
            documents.keep(stream(number), number, 10);
        }
        assert_eq!(documents.take(&stream(0)), None);
        assert_eq!(documents.take(&stream(3)), Some(3));
        documents.keep(stream(1), 10, 3 * ROOM_PER_DOCUMENT);
        assert_eq!(documents.take(&stream(2)), None, "the large one takes all the room");
        assert_eq!((documents.take(&stream(1)), documents.bytes), (Some(10), 0));
    }

    #[test]
    fn a_document_larger_than_all_room_is_not_kept() {
        let mut documents = Documents::new(NonZeroUsize::MIN);
        documents.keep(stream(1), 1, ROOM_PER_DOCUMENT + 1);
        assert_eq!((documents.take(&stream(1)), documents.bytes), (None, 0));
    }
}
