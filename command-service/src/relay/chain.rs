//! The last position of every partition: what links each event to the one before it (`prevposition`).
//!
//! Pure. The [`leader`](super::leader) keeps three of these: what was handed to Kafka, what Kafka has acknowledged, and what
//! [`checkpoint`](super::checkpoint) has saved.

use events::{Category, Incarnation, Position, StreamId, topics};

/// A partition of a category's topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Whose topic.
    pub category: Category,
    /// From 0.
    pub partition: i32,
}

/// A place in the log, and the last event of every partition up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Life of the log in which the event at `position` was written.
    pub incarnation: Incarnation,
    /// The last event.
    pub position: Position,
    /// By category and partition, [`Mark::index`].
    last: Vec<Position>,
    partitions: i32,
}

impl Mark {
    /// Before the first event.
    pub fn new(partitions: i32) -> Mark {
        let slots = Category::ALL.len() * partitions.max(0) as usize;
        Mark { incarnation: Incarnation(1), position: Position::ZERO, last: vec![Position::ZERO; slots], partitions }
    }

    /// Where the events of a stream go.
    pub fn slot_of(&self, stream: &StreamId) -> Slot {
        Slot { category: stream.category(), partition: topics::partition_of(stream.as_str(), self.partitions) }
    }

    /// Position of the last event in a partition; 0 where there is none.
    pub fn last(&self, slot: Slot) -> Position {
        self.last[self.index(slot)]
    }

    /// Notes the last event in a partition, as it was saved.
    pub fn restore(&mut self, slot: Slot, position: Position) {
        let index = self.index(slot);
        self.last[index] = position;
    }

    /// Moves on by one event.
    pub fn advance(&mut self, incarnation: Incarnation, position: Position, slot: Slot) {
        self.incarnation = incarnation;
        self.position = position;
        self.restore(slot, position);
    }

    /// The partitions whose last event is another one than in `earlier`.
    pub fn changes_since<'a>(&'a self, earlier: &'a Mark) -> impl Iterator<Item = (Slot, Position)> + 'a {
        self.slots().filter_map(|slot| {
            let position = self.last(slot);
            (position != earlier.last(slot)).then_some((slot, position))
        })
    }

    /// Every partition of every category.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let partitions = self.partitions;
        Category::ALL
            .into_iter()
            .flat_map(move |category| (0..partitions).map(move |partition| Slot { category, partition }))
    }

    fn index(&self, slot: Slot) -> usize {
        slot.category as usize * self.partitions as usize + slot.partition as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_place_of_its_own() {
        let mut mark = Mark::new(3);
        for (number, slot) in mark.slots().enumerate() {
            mark.restore(slot, Position(number as i64 + 1));
        }
        let seen: Vec<i64> = mark.slots().map(|slot| mark.last(slot).0).collect();
        assert_eq!(seen, (1..=3 * Category::ALL.len() as i64).collect::<Vec<i64>>());
    }

    #[test]
    fn only_partitions_that_moved_are_changes() {
        let saved = Mark::new(6);
        let mut acked = saved.clone();
        let slot = acked.slot_of(&"product-A".parse().unwrap());
        acked.advance(Incarnation(2), Position(1), slot);
        acked.advance(Incarnation(2), Position(2), slot);
        assert_eq!(acked.changes_since(&saved).collect::<Vec<_>>(), [(slot, Position(2))]);
        assert_eq!((acked.incarnation, acked.position), (Incarnation(2), Position(2)));
    }
}
