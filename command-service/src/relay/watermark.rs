//! [`Watermark`]: a position in the log, and the position of the last event of every partition up to it. The position of the last event
//! of its partition links each event to the previous one (`prevposition`).
//!
//! Pure. The [`leader`](super::leader) has three watermarks: sent to Kafka, acknowledged by Kafka, and saved in the
//! [`checkpoint`](super::checkpoint).

use events::{Category, Incarnation, Position, StreamId, topics};

/// A partition of the topic of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicPartition {
    pub category: Category,
    /// Number of the partition, starting at 0.
    pub partition: i32,
}

/// A position in the log, and the position of the last event of every partition up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// Incarnation of the log that wrote the event at `position`.
    pub incarnation: Incarnation,
    pub position: Position,
    /// By partition; see [`Watermark::index`].
    last: Vec<Position>,
    partitions: i32,
}

impl Watermark {
    /// The watermark before the first event.
    pub fn new(partitions: i32) -> Watermark {
        let all_partitions = Category::ALL.len() * partitions.max(0) as usize;
        Watermark {
            incarnation: Incarnation(1),
            position: Position::ZERO,
            last: vec![Position::ZERO; all_partitions],
            partitions,
        }
    }

    /// The watermark before the first event, with the same number of partitions.
    pub fn at_start(&self) -> Watermark {
        Watermark::new(self.partitions)
    }

    /// Partition of the events of a stream.
    pub fn partition_of(&self, stream: &StreamId) -> TopicPartition {
        TopicPartition {
            category: stream.category(),
            partition: topics::partition_of(stream.as_str(), self.partitions),
        }
    }

    /// Position of the last event in a partition; 0 if the partition is empty.
    pub fn last(&self, partition: TopicPartition) -> Position {
        self.last[self.index(partition)]
    }

    /// Sets the saved position of the last event in a partition.
    pub fn restore(&mut self, partition: TopicPartition, position: Position) {
        let index = self.index(partition);
        self.last[index] = position;
    }

    /// Moves the watermark to the next event.
    pub fn advance(&mut self, incarnation: Incarnation, position: Position, partition: TopicPartition) {
        self.incarnation = incarnation;
        self.position = position;
        self.restore(partition, position);
    }

    /// The partitions whose last event differs from `earlier`, with the position of the last event.
    pub fn changes_since<'a>(
        &'a self,
        earlier: &'a Watermark,
    ) -> impl Iterator<Item = (TopicPartition, Position)> + 'a {
        self.all_partitions().filter_map(|partition| {
            let position = self.last(partition);
            (position != earlier.last(partition)).then_some((partition, position))
        })
    }

    /// Every partition of every category.
    pub fn all_partitions(&self) -> impl Iterator<Item = TopicPartition> + use<> {
        let partitions = self.partitions;
        Category::ALL
            .into_iter()
            .flat_map(move |category| (0..partitions).map(move |partition| TopicPartition { category, partition }))
    }

    fn index(&self, partition: TopicPartition) -> usize {
        partition.category as usize * self.partitions as usize + partition.partition as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_own_position() {
        let mut watermark = Watermark::new(3);
        for (number, partition) in watermark.all_partitions().enumerate() {
            watermark.restore(partition, Position(number as i64 + 1));
        }
        let seen: Vec<i64> = watermark.all_partitions().map(|partition| watermark.last(partition).0).collect();
        assert_eq!(seen, (1..=3 * Category::ALL.len() as i64).collect::<Vec<i64>>());
    }

    #[test]
    fn only_partitions_with_new_events_are_changes() {
        let saved = Watermark::new(6);
        let mut acknowledged = saved.clone();
        let partition = acknowledged.partition_of(&"product-A".parse().unwrap());
        acknowledged.advance(Incarnation(2), Position(1), partition);
        acknowledged.advance(Incarnation(2), Position(2), partition);
        assert_eq!(acknowledged.changes_since(&saved).collect::<Vec<_>>(), [(partition, Position(2))]);
        assert_eq!((acknowledged.incarnation, acknowledged.position), (Incarnation(2), Position(2)));
    }
}
