//! [`RecentEvents`]: the last events of the log, read once for all workers of the process and kept in memory within
//! limits. Pure.

use std::collections::VecDeque;

use events::{Category, LogPosition, Position};

use super::links::Links;
use crate::feed::delivery::Delivery;
use crate::store::log::{PageLimit, Range};

/// Limit of the events in memory: some seconds of load, so that a worker that is busy for a moment finds its next events.
/// A worker that is further behind reads the log itself.
const KEPT: PageLimit = PageLimit { events: 20_000, bytes: 32 * 1024 * 1024 };

/// The last published events of the log, in order.
#[derive(Debug)]
pub(super) struct RecentEvents {
    links: Links,
    events: VecDeque<(Category, Delivery)>,
    bytes: usize,
    /// All events after this position, up to and including `end`, are in memory.
    start: Position,
    end: Position,
    /// Checkpoint of the relay.
    published: LogPosition,
}

/// Events of one category.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) deliveries: Vec<Delivery>,
    /// All events of the category up to and including this position were taken.
    pub(super) end: Position,
}

impl RecentEvents {
    /// No events yet; the next event is the one after the checkpoint of the relay. `links` are those of the checkpoint.
    pub(super) fn after(published: LogPosition, links: Links) -> RecentEvents {
        let (start, end) = (published.position, published.position);
        RecentEvents { links, events: VecDeque::new(), bytes: 0, start, end, published }
    }

    /// Position after which all published events are in memory.
    pub(super) fn start(&self) -> Position {
        self.start
    }

    /// Position of the last event in memory.
    pub(super) fn end(&self) -> Position {
        self.end
    }

    /// Whether all published events have been in memory.
    pub(super) fn is_complete(&self) -> bool {
        self.end >= self.published.position
    }

    /// Moves the checkpoint of the relay. `false` if it does not continue the same log: the log was restored, or is
    /// written by another incarnation, and must be read again from a known position.
    pub(super) fn publish(&mut self, relay: LogPosition) -> bool {
        let continues = relay.incarnation == self.published.incarnation && relay.position >= self.published.position;
        if continues {
            self.published = relay;
        }
        continues
    }

    /// Adds the next range of the log, and removes the oldest events if there are too many. `false` if the partitions of
    /// a category are not known: the relay began to publish the category after the partitions were read.
    pub(super) fn extend(&mut self, range: Range) -> bool {
        for event in range.events {
            let category = event.as_ref().ok().map(|logged| logged.event.stream.category());
            if category.is_some_and(|category| !self.links.contains(category)) {
                return false;
            }
            if let Some((category, delivery)) = self.links.deliver(event) {
                self.bytes += delivery.bytes();
                self.events.push_back((category, delivery));
            }
        }
        self.end = range.end;
        while self.events.len() > KEPT.events || self.bytes > KEPT.bytes {
            let Some((_, oldest)) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.start = Position(oldest.offset);
        }
        true
    }

    /// Whether there are at least `count` events of a category after a position.
    pub(super) fn has(&self, count: usize, category: Category, after: Position) -> bool {
        self.of(category, after).nth(count.saturating_sub(1)).is_some()
    }

    /// The events of a category after a position, which must not be before [`RecentEvents::start`]: at most
    /// `limit.events`, and until their payloads reach `limit.bytes`.
    pub(super) fn take(&self, category: Category, after: Position, limit: PageLimit) -> Taken {
        let mut taken = Taken { deliveries: Vec::new(), end: self.end.max(after) };
        let mut bytes = 0;
        for delivery in self.of(category, after) {
            if taken.deliveries.len() >= limit.events || bytes >= limit.bytes {
                taken.end = taken.deliveries.last().map_or(after, |last| Position(last.offset));
                break;
            }
            bytes += delivery.bytes();
            taken.deliveries.push(delivery.clone());
        }
        taken
    }

    fn of(&self, category: Category, after: Position) -> impl Iterator<Item = &Delivery> {
        let first = self.events.partition_point(|(_, delivery)| delivery.offset <= after.0);
        self.events.range(first..).filter(move |(of, _)| *of == category).map(|(_, delivery)| delivery)
    }
}

#[cfg(test)]
mod tests {
    use events::stream::InvalidStream;
    use events::{Incarnation, LogId, Metadata, Recorded, Source, Version};
    use uuid::Uuid;

    use super::*;
    use crate::store::log::{LoggedEvent, UnknownStream};

    fn log_position(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    /// Recent events after position 10, of categories with one partition each.
    fn recent(categories: &[Category]) -> RecentEvents {
        let partitions = categories.iter().map(|category| (*category, 0, Position(4)));
        RecentEvents::after(log_position(1, 10), Links::new(Source::Log(LogId(Uuid::nil())), partitions))
    }

    fn event(position: i64, stream: &str, payload: usize) -> Result<LoggedEvent, UnknownStream> {
        let position = Position(position);
        let stream =
            stream.parse().map_err(|InvalidStream(id)| UnknownStream { position, invalid: InvalidStream(id) })?;
        let event = Recorded {
            incarnation: Incarnation(1),
            position,
            stream,
            version: Version(1),
            event_type: "ProductCreated".into(),
            schema_version: 1,
            payload: "x".repeat(payload),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        };
        Ok(LoggedEvent { event, metadata_error: None })
    }

    fn range(events: Vec<Result<LoggedEvent, UnknownStream>>, end: i64) -> Range {
        Range { events, end: Position(end) }
    }

    const ALL: PageLimit = PageLimit { events: usize::MAX, bytes: usize::MAX };

    /// Positions of the taken events with the previous position of each, and the end.
    fn take(recent: &RecentEvents, category: Category, after: i64, limit: PageLimit) -> (Vec<(i64, i64)>, i64) {
        let taken = recent.take(category, Position(after), limit);
        let of = |delivery: &Delivery| (delivery.offset, delivery.message.as_ref().unwrap().previous.0);
        (taken.deliveries.iter().map(of).collect(), taken.end.0)
    }

    #[test]
    fn each_category_has_its_events_linked_to_the_previous_ones() {
        let mut recent = recent(&[Category::Product, Category::Stock]);
        assert!(recent.publish(log_position(1, 14)));
        let events = vec![
            event(11, "product-A", 1),
            event(12, "stock-A@main", 1),
            event(13, "product-B", 1),
            event(14, "product-A", 1),
        ];
        assert!(recent.extend(range(events, 14)) && recent.is_complete());
        assert_eq!(take(&recent, Category::Product, 10, ALL), (vec![(11, 4), (13, 11), (14, 13)], 14));
        assert_eq!(take(&recent, Category::Stock, 10, ALL), (vec![(12, 4)], 14));
        assert_eq!(take(&recent, Category::Stock, 12, ALL), (vec![], 14), "the events of others count as taken");
        let two = PageLimit { events: 2, ..ALL };
        assert_eq!(take(&recent, Category::Product, 10, two), (vec![(11, 4), (13, 11)], 13));
        assert_eq!(take(&recent, Category::Product, 10, PageLimit { bytes: 1, ..ALL }), (vec![(11, 4)], 11));
        assert!(recent.has(2, Category::Product, Position(11)) && !recent.has(3, Category::Product, Position(11)));
    }

    #[test]
    fn the_oldest_events_are_removed_when_there_are_too_many() {
        let mut recent = recent(&[Category::Product]);
        let count = KEPT.events as i64;
        recent.extend(range((11..=count + 15).map(|position| event(position, "product-A", 1)).collect(), count + 15));
        assert_eq!((recent.start(), recent.end()), (Position(15), Position(count + 15)));
        assert_eq!(take(&recent, Category::Product, 15, PageLimit { events: 1, ..ALL }), (vec![(16, 15)], 16));
        // Events that are larger than the memory are not kept at all.
        recent.extend(range(vec![event(count + 16, "product-A", KEPT.bytes + 1)], count + 16));
        assert_eq!(recent.start(), recent.end());
        assert_eq!(recent.bytes, 0);
    }

    #[test]
    fn another_log_is_not_continued() {
        let mut recent = recent(&[Category::Product]);
        assert!(recent.publish(log_position(1, 12)));
        assert!(!recent.is_complete());
        assert!(!recent.publish(log_position(1, 11)), "the relay was set back");
        assert!(!recent.publish(log_position(2, 12)), "positions may have been assigned again");
    }

    #[test]
    fn an_event_of_a_category_without_partitions_is_not_skipped() {
        let mut recent = recent(&[Category::Product]);
        assert!(!recent.extend(range(vec![event(11, "stock-A@main", 1)], 11)));
    }

    #[test]
    fn an_event_that_cannot_be_read_is_an_invalid_message_of_its_partition() {
        let mut recent = recent(&[Category::Product, Category::Stock]);
        recent.extend(range(
            vec![event(11, "stock-", 1), event(12, "planet-earth", 1), event(13, "stock-A@main", 1)],
            13,
        ));
        let taken = recent.take(Category::Stock, Position(10), ALL).deliveries;
        assert_eq!(taken.iter().map(|it| it.offset).collect::<Vec<_>>(), [11, 13]);
        assert!(taken[0].message.is_err());
        assert_eq!(taken[1].message.as_ref().unwrap().previous, Position(11), "the gap shows");
    }
}
