//! Events in flight: sent to Kafka and not yet acknowledged, in the order of the log. The watermark of acknowledged events only moves
//! over events without a gap.
//!
//! The [`Limit`] on events in flight decreases with every delivery failure and increases with every acknowledgement. An event that Kafka
//! never accepts is therefore soon retried alone, and retrying it for days does not fill Kafka with repeats of the events after it.
//!
//! Shared by the [`leader`](super::leader), which adds and removes events, and the delivery callbacks of the
//! [`producer`](super::producer). Every producer has its own instance, so that late callbacks of a dropped producer have no effect.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use events::{Incarnation, Position};
use tokio::sync::Notify;

use super::watermark::{TopicPartition, Watermark};

/// Maximum number of events in flight: about one second of events at full load, and the number of events sent again after a crash.
const MAX_EVENTS: usize = 8_192;

/// Maximum payload bytes in flight, which are most of the memory of the relay.
const MAX_BYTES: usize = 16 << 20;

/// Limit on the number of events in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The limit without delivery failures.
    pub const MAX: Limit = Limit(MAX_EVENTS);

    /// The limit after a delivery failure. After five consecutive failures the limit is one event.
    pub fn after_failure(self) -> Limit {
        Limit((self.0 / 8).max(1))
    }

    /// The limit after `count` acknowledgements. It doubles when all events in flight are acknowledged.
    fn after_acknowledgements(self, count: usize) -> Limit {
        Limit((self.0 + count).min(MAX_EVENTS))
    }
}

/// Kafka did not accept an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// Position of the event; `None` if the producer as a whole failed.
    pub position: Option<Position>,
    /// Error message of the client library.
    pub reason: String,
}

/// Events in flight.
#[derive(Debug)]
pub struct InFlight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Position of the first event in flight.
    first: i64,
    events: VecDeque<Entry>,
    bytes: usize,
    limit: Limit,
    failure: Option<DeliveryFailure>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    incarnation: Incarnation,
    partition: TopicPartition,
    bytes: usize,
    acknowledged: bool,
}

impl State {
    fn has_room(&self) -> bool {
        self.events.len() < self.limit.0 && self.bytes < MAX_BYTES
    }
}

impl InFlight {
    /// No events in flight; the next event is the one after this position.
    pub fn after(position: Position, limit: Limit) -> InFlight {
        let state = State { first: position.0 + 1, events: VecDeque::new(), bytes: 0, limit, failure: None };
        InFlight { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Whether one more event may be sent.
    pub fn has_room(&self) -> bool {
        self.state().has_room()
    }

    /// Current limit on the number of events in flight.
    pub fn limit(&self) -> Limit {
        self.state().limit
    }

    /// Whether no event is in flight.
    pub fn is_empty(&self) -> bool {
        self.state().events.is_empty()
    }

    /// Adds the next event of the log, if the limits allow it. To be called before the event is sent, because the delivery callback may be
    /// called at once.
    pub fn add(&self, incarnation: Incarnation, partition: TopicPartition, bytes: usize) -> bool {
        let mut state = self.state();
        if !state.has_room() {
            return false;
        }
        state.events.push_back(Entry { incarnation, partition, bytes, acknowledged: false });
        state.bytes += bytes;
        true
    }

    /// Removes the last added event, because it was not sent.
    pub fn remove_last(&self) {
        let mut state = self.state();
        if let Some(event) = state.events.pop_back() {
            state.bytes -= event.bytes;
        }
    }

    /// Kafka has acknowledged the event.
    pub fn acknowledged(&self, position: Position) {
        let mut state = self.state();
        let index = position.0 - state.first;
        let Some(event) = usize::try_from(index).ok().and_then(|index| state.events.get_mut(index)) else { return };
        event.acknowledged = true;
        if state.events.front().is_some_and(|event| event.acknowledged) {
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Kafka did not accept an event. Only the first failure is kept, because the others follow from it.
    pub fn failed(&self, failure: DeliveryFailure) {
        self.state().failure.get_or_insert(failure);
        self.changed.notify_one();
    }

    /// Moves the watermark over acknowledged events up to the first event that is not acknowledged. Returns the number of events.
    pub fn advance(&self, watermark: &mut Watermark) -> usize {
        let mut state = self.state();
        let mut count = 0;
        while let Some(event) = state.events.pop_front_if(|event| event.acknowledged) {
            watermark.advance(event.incarnation, Position(state.first), event.partition);
            state.first += 1;
            state.bytes -= event.bytes;
            count += 1;
        }
        state.limit = state.limit.after_acknowledgements(count);
        count
    }

    /// The first delivery failure.
    pub fn failure(&self) -> Option<DeliveryFailure> {
        self.state().failure.clone()
    }

    /// Waits for acknowledgements ([`InFlight::advance`]) or a [`InFlight::failure`].
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use events::Category;

    use super::*;

    const PARTITION: TopicPartition = TopicPartition { category: Category::Order, partition: 0 };

    fn sent(count: usize) -> (InFlight, Watermark) {
        let mut watermark = Watermark::new(1);
        watermark.advance(Incarnation(1), Position(10), PARTITION);
        let in_flight = InFlight::after(watermark.position, Limit::MAX);
        for _ in 0..count {
            assert!(in_flight.add(Incarnation(1), PARTITION, 100));
        }
        (in_flight, watermark)
    }

    #[test]
    fn the_watermark_stops_before_the_first_gap() {
        let (in_flight, mut watermark) = sent(3);
        in_flight.acknowledged(Position(11));
        in_flight.acknowledged(Position(13));
        assert_eq!((in_flight.advance(&mut watermark), watermark.position), (1, Position(11)));
        in_flight.acknowledged(Position(12));
        assert_eq!((in_flight.advance(&mut watermark), watermark.position), (2, Position(13)));
        assert!(in_flight.is_empty());
    }

    #[test]
    fn acknowledgements_before_a_failure_count() {
        let (in_flight, mut watermark) = sent(3);
        let failure = |position| DeliveryFailure { position: Some(Position(position)), reason: "too large".into() };
        in_flight.acknowledged(Position(11));
        in_flight.failed(failure(12));
        in_flight.failed(failure(13));
        assert_eq!((in_flight.advance(&mut watermark), watermark.position), (1, Position(11)));
        assert_eq!(in_flight.failure(), Some(failure(12)));
    }

    #[test]
    fn events_in_flight_are_limited_in_number_and_in_bytes() {
        let (in_flight, mut watermark) = sent(MAX_EVENTS);
        assert!(!in_flight.add(Incarnation(1), PARTITION, 100));
        in_flight.acknowledged(Position(11));
        in_flight.advance(&mut watermark);
        assert!(in_flight.add(Incarnation(1), PARTITION, MAX_BYTES));
        assert!(!in_flight.has_room());
    }

    #[test]
    fn after_failures_the_limit_is_one_event_until_it_is_acknowledged() {
        let alone = (0..5).fold(Limit::MAX, |limit, _| limit.after_failure());
        assert_eq!(alone, Limit(1));
        let (in_flight, mut watermark) = (InFlight::after(Position(10), alone), Watermark::new(1));
        assert!(in_flight.add(Incarnation(1), PARTITION, 100) && !in_flight.add(Incarnation(1), PARTITION, 100));
        in_flight.acknowledged(Position(11));
        in_flight.advance(&mut watermark);
        assert_eq!(in_flight.limit(), Limit(2));
    }

    #[test]
    fn acknowledgements_of_unknown_events_are_ignored() {
        let (in_flight, mut watermark) = sent(1);
        in_flight.acknowledged(Position(10));
        in_flight.acknowledged(Position(12));
        assert_eq!(in_flight.advance(&mut watermark), 0);
    }

    #[test]
    fn an_event_that_was_not_sent_can_be_removed() {
        let (in_flight, _) = sent(1);
        in_flight.remove_last();
        assert!(in_flight.is_empty());
    }
}
