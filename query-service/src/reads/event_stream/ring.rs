//! The newest batches of the log in memory, limited in events and bytes. All of them belong to one incarnation of the log, and
//! none has personal data that was erased when the follower last read the log.

use std::collections::VecDeque;
use std::sync::Arc;

use events::LogPosition;

use super::batch::Batch;

/// Maximum number of events and bytes in a ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// Several seconds of events at the highest rate of the writer, so that a stream that is delayed for a moment, or reconnects,
/// needs no statement; a quarter of the default size of the process cache.
pub(super) const CAPACITY: Capacity = Capacity { events: 10_000, bytes: 16 << 20 };

/// The newest batches.
#[derive(Debug)]
pub(super) struct Ring {
    capacity: Capacity,
    /// Each batch begins where the one before it ends.
    batches: VecDeque<Arc<Batch>>,
    events: usize,
    bytes: usize,
    /// The end of the last batch, in the current incarnation of the log; `None` while the log is not followed.
    tail: Option<LogPosition>,
    /// Increased whenever all batches become invalid, including those that streams hold.
    epoch: u64,
}

/// What the ring has for a stream.
#[derive(Debug)]
pub(super) enum Next {
    /// The batch with the next event, and the epoch in which it is valid.
    Batch(Arc<Batch>, u64),
    /// The stream has every event.
    AtTail,
    /// The ring does not have the next event any more, or does not know the events of the stream.
    Missing,
}

impl Ring {
    pub(super) fn new(capacity: Capacity) -> Ring {
        Ring { capacity, batches: VecDeque::new(), events: 0, bytes: 0, tail: None, epoch: 0 }
    }

    pub(super) fn tail(&self) -> Option<LogPosition> {
        self.tail
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Adds the batch after the tail, and removes the oldest batches beyond the capacity.
    pub(super) fn push(&mut self, batch: Batch) {
        let Some(tail) = &mut self.tail else { return };
        tail.position = batch.upto;
        if batch.events.is_empty() && batch.after == batch.upto {
            return;
        }
        self.events += batch.events.len();
        self.bytes += batch.bytes();
        self.batches.push_back(Arc::new(batch));
        while self.events > self.capacity.events || self.bytes > self.capacity.bytes {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.events -= oldest.events.len();
            self.bytes -= oldest.bytes();
        }
    }

    /// Makes all batches invalid.
    pub(super) fn invalidate(&mut self) {
        self.batches.clear();
        (self.events, self.bytes) = (0, 0);
        self.epoch += 1;
    }

    /// Continues at another place of the log, or nowhere.
    pub(super) fn move_tail(&mut self, tail: Option<LogPosition>) {
        self.invalidate();
        self.tail = tail;
    }

    /// What comes after `at` for a stream.
    pub(super) fn next(&self, at: LogPosition) -> Next {
        let Some(tail) = self.tail.filter(|tail| tail.incarnation == at.incarnation) else { return Next::Missing };
        if at.position >= tail.position {
            return Next::AtTail;
        }
        let index = self.batches.partition_point(|batch| batch.upto <= at.position);
        match self.batches.get(index).filter(|batch| batch.after <= at.position) {
            Some(batch) => Next::Batch(Arc::clone(batch), self.epoch),
            None => Next::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::{Incarnation, Position};

    use super::*;

    fn at(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    fn ring(events: usize, bytes: usize) -> Ring {
        let mut ring = Ring::new(Capacity { events, bytes });
        ring.move_tail(Some(at(1, 0)));
        ring
    }

    /// The first position that a stream can have to continue from the ring.
    fn begin(ring: &Ring) -> Option<Position> {
        ring.batches.front().map(|batch| batch.after)
    }

    fn batch_after(ring: &Ring, position: i64) -> Option<(i64, i64)> {
        match ring.next(at(1, position)) {
            Next::Batch(batch, _) => Some((batch.after.0, batch.upto.0)),
            Next::AtTail | Next::Missing => None,
        }
    }

    #[test]
    fn a_stream_finds_the_batch_with_its_next_event() {
        let mut ring = ring(100, 1000);
        ring.push(Batch::sample(0, 3, 1));
        ring.push(Batch::sample(3, 5, 1));
        assert_eq!([0, 2, 3, 4].map(|it| batch_after(&ring, it)), [(0, 3), (0, 3), (3, 5), (3, 5)].map(Some));
        assert!(matches!(ring.next(at(1, 5)), Next::AtTail) && matches!(ring.next(at(1, 9)), Next::AtTail));
        assert!(matches!(ring.next(at(2, 3)), Next::Missing), "the stream knows another incarnation of the log");
    }

    #[test]
    fn the_oldest_batches_are_removed_beyond_either_limit() {
        let mut of_events = ring(5, 1000);
        let mut of_bytes = ring(100, 50);
        for ring in [&mut of_events, &mut of_bytes] {
            ring.push(Batch::sample(0, 3, 10));
            ring.push(Batch::sample(3, 5, 10));
            ring.push(Batch::sample(5, 7, 10));
            assert_eq!(begin(ring), Some(Position(3)));
            assert!(matches!(ring.next(at(1, 2)), Next::Missing));
            assert_eq!(batch_after(ring, 3), Some((3, 5)));
        }
    }

    #[test]
    fn a_batch_that_is_larger_than_the_ring_is_not_kept() {
        let mut ring = ring(2, 1000);
        ring.push(Batch::sample(0, 3, 1));
        assert_eq!((begin(&ring), ring.tail()), (None, Some(at(1, 3))));
        assert!(matches!(ring.next(at(1, 0)), Next::Missing) && matches!(ring.next(at(1, 3)), Next::AtTail));
    }

    #[test]
    fn after_an_invalidation_only_streams_at_the_tail_continue_without_the_database() {
        let mut ring = ring(100, 1000);
        ring.push(Batch::sample(0, 3, 1));
        let epoch = ring.epoch();
        ring.invalidate();
        assert!(ring.epoch() > epoch && matches!(ring.next(at(1, 1)), Next::Missing));
        assert!(matches!(ring.next(at(1, 3)), Next::AtTail));
        ring.push(Batch::sample(3, 4, 1));
        assert_eq!(batch_after(&ring, 3), Some((3, 4)));
    }
}
