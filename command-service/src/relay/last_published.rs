//! [`LastPublished`]: the last event of this log in every partition of Kafka, as [`published`](super::published) reads it. Pure.

use events::{Incarnation, Position};

use super::watermark::{TopicPartition, Watermark};

/// An event in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedEvent {
    /// Incarnation of the log that wrote the event.
    pub incarnation: Incarnation,
    /// Position of the event in the log.
    pub position: Position,
    /// Identifier of the event (`ce_id`).
    pub id: String,
}

/// What the end of a partition shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionEnd {
    /// No message was ever written to the partition.
    NeverWritten,
    /// The last event of this log.
    Event(PublishedEvent),
    /// The partition has no messages any more, or only messages of other logs were found.
    Unknown,
}

/// The end of every partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPublished(Vec<(TopicPartition, PartitionEnd)>);

impl LastPublished {
    pub fn new(partitions: Vec<(TopicPartition, PartitionEnd)>) -> LastPublished {
        LastPublished(partitions)
    }

    /// The last event of this log in all partitions; `None` if Kafka contains no event of this log.
    pub fn last(&self) -> Option<&PublishedEvent> {
        self.events().map(|(_, event)| event).max()
    }

    /// The last event of this log in each partition in which there is one.
    pub fn events(&self) -> impl Iterator<Item = (TopicPartition, &PublishedEvent)> {
        self.0.iter().filter_map(|(partition, end)| match end {
            PartitionEnd::Event(event) => Some((*partition, event)),
            PartitionEnd::NeverWritten | PartitionEnd::Unknown => None,
        })
    }

    /// First position from which events up to the watermark may be missing in Kafka; `None` if no partition shows that events are
    /// missing. Events that Kafka has deleted after their retention are not missing.
    pub fn first_missing(&self, watermark: &Watermark) -> Option<Position> {
        let missing = self.0.iter().filter_map(|(partition, end)| {
            let last = match end {
                PartitionEnd::NeverWritten => Position::ZERO,
                PartitionEnd::Event(event) => event.position,
                PartitionEnd::Unknown => return None,
            };
            (last < watermark.last(*partition)).then(|| last.plus(1))
        });
        missing.min()
    }
}

#[cfg(test)]
mod tests {
    use events::Category;

    use super::*;

    fn event(position: i64) -> PartitionEnd {
        PartitionEnd::Event(PublishedEvent {
            incarnation: Incarnation(1),
            position: Position(position),
            id: String::new(),
        })
    }

    fn first_missing(ends: [PartitionEnd; 3]) -> Option<Position> {
        let partition = |number| TopicPartition { category: Category::Order, partition: number };
        let mut watermark = Watermark::new(3);
        for (number, position) in [(0, 10), (1, 20)] {
            watermark.restore(partition(number), Position(position));
        }
        LastPublished::new((0..).map(partition).zip(ends).collect()).first_missing(&watermark)
    }

    #[test]
    fn events_after_the_last_event_of_a_partition_are_missing() {
        use PartitionEnd::{NeverWritten, Unknown};
        assert_eq!(first_missing([event(10), event(20), NeverWritten]), None);
        assert_eq!(first_missing([event(11), event(25), NeverWritten]), None, "Kafka may be ahead of the checkpoint");
        assert_eq!(first_missing([event(10), event(15), NeverWritten]), Some(Position(16)));
        assert_eq!(first_missing([NeverWritten, event(15), NeverWritten]), Some(Position(1)));
        assert_eq!(first_missing([Unknown, event(20), NeverWritten]), None, "its events may have been deleted");
    }
}
