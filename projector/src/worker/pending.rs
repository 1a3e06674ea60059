//! The messages that were received from the feed and are not processed yet. They are bounded in number and bytes.

use std::collections::{BTreeSet, VecDeque};

use crate::feed::Delivery;
use crate::store::log::PageLimit;

/// Limit of the pending messages while events are read from the log or a failure is retried; then fetching stops.
const PENDING_MAX: PageLimit = PageLimit { events: 10_000, bytes: 32 * 1024 * 1024 };

/// Messages in the order in which they were received.
#[derive(Debug, Default)]
pub(super) struct Pending {
    deliveries: VecDeque<Delivery>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn deliveries(&self) -> &VecDeque<Delivery> {
        &self.deliveries
    }

    pub(super) fn extend(&mut self, deliveries: Vec<Delivery>) {
        self.deliveries.extend(deliveries);
    }

    /// Removes messages from the front.
    pub(super) fn take(&mut self, count: usize) -> Vec<Delivery> {
        self.deliveries.drain(..count).collect()
    }

    /// Puts messages back to the front.
    pub(super) fn put_back(&mut self, deliveries: Vec<Delivery>) {
        deliveries.into_iter().rev().for_each(|delivery| self.deliveries.push_front(delivery));
    }

    /// Removes the messages of partitions that are not assigned any more.
    pub(super) fn retain(&mut self, assigned: &BTreeSet<i32>) {
        self.deliveries.retain(|delivery| assigned.contains(&delivery.partition));
    }

    pub(super) fn clear(&mut self) {
        self.deliveries.clear();
    }

    /// What may be added before the limit is reached.
    pub(super) fn room(&self) -> PageLimit {
        let bytes: usize = self.deliveries.iter().map(Delivery::bytes).sum();
        PageLimit {
            events: PENDING_MAX.events.saturating_sub(self.deliveries.len()),
            bytes: PENDING_MAX.bytes.saturating_sub(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use events::cloudevents::{InvalidMessage, Message};
    use events::{Incarnation, LogId, Metadata, Position, Recorded, Source, Version};
    use uuid::Uuid;

    use super::*;

    fn delivery(message: Result<Message, InvalidMessage>) -> Delivery {
        Delivery { partition: 0, offset: 0, message }
    }

    fn event(bytes: usize) -> Recorded {
        Recorded {
            incarnation: Incarnation(1),
            position: Position(1),
            stream: "product-A".parse().unwrap(),
            version: Version(1),
            event_type: "ProductCreated".into(),
            schema_version: 1,
            payload: "x".repeat(bytes),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn few_large_messages_leave_no_room_for_more() {
        let large = || {
            let (source, event) = (Source::Log(LogId(Uuid::nil())), event(1024 * 1024));
            delivery(Ok(Message { source, event, previous: Position::ZERO }))
        };
        let pending = Pending { deliveries: (0..32).map(|_| large()).collect() };
        assert_eq!(pending.room().bytes, 0);
        let small = || delivery(Err(InvalidMessage::Missing("ce_position")));
        let pending = Pending { deliveries: (0..10_000).map(|_| small()).collect() };
        assert_eq!(pending.room().events, 0);
        assert!(Pending::default().room().bytes > 0);
    }
}
