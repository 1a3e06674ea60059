//! What is under way to Kafka: a window over the log that moves only over acknowledged events without a gap.
//!
//! Its [`Width`] shrinks with every failure and grows with every acknowledgement. An event that Kafka never takes is thus soon tried
//! alone, and trying it for days does not fill Kafka with repeats of the events behind it.
//!
//! Shared by the [`leader`](super::leader), which fills and empties it, and the delivery callbacks of the
//! [`producer`](super::producer). A new producer gets a new window, so that a late callback of a dropped one hits nothing.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use events::{Incarnation, Position};
use tokio::sync::Notify;

use super::chain::{Mark, Slot};

/// Events under way at most: a second of an order pipeline at full load, and what a crash makes us send again.
const MAX_EVENTS: usize = 8_192;

/// Payload bytes under way at most: the larger part of what a relay may weigh.
const MAX_BYTES: usize = 16 << 20;

/// How many events may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width(usize);

impl Width {
    /// Nothing has gone wrong.
    pub const FULL: Width = Width(MAX_EVENTS);

    /// After a failure of a window that had become so wide. Five failures in a row leave a single event.
    pub fn after_failure(self) -> Width {
        Width((self.0 / 8).max(1))
    }

    /// Doubles with each time that all that was under way has landed.
    fn after_landing(self, count: usize) -> Width {
        Width((self.0 + count).min(MAX_EVENTS))
    }
}

/// Why Kafka has not taken an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The event; none where the producer as a whole has failed.
    pub position: Option<Position>,
    /// What the client library said.
    pub reason: String,
}

/// The window.
#[derive(Debug)]
pub struct Window {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug)]
struct State {
    /// Position of the first flight.
    first: i64,
    flights: VecDeque<Flight>,
    bytes: usize,
    width: Width,
    failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    incarnation: Incarnation,
    slot: Slot,
    bytes: usize,
    landed: bool,
}

impl State {
    fn has_room(&self) -> bool {
        self.flights.len() < self.width.0 && self.bytes < MAX_BYTES
    }
}

impl Window {
    /// Nothing under way after this position.
    pub fn after(position: Position, width: Width) -> Window {
        let state = State { first: position.0 + 1, flights: VecDeque::new(), bytes: 0, width, failure: None };
        Window { state: Mutex::new(state), moved: Notify::new() }
    }

    /// Whether one more event may leave.
    pub fn has_room(&self) -> bool {
        self.state().has_room()
    }

    /// How many events may be under way now.
    pub fn width(&self) -> Width {
        self.state().width
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.state().flights.is_empty()
    }

    /// The next event of the log leaves, if there is room; call it before the producer can call back.
    pub fn depart(&self, incarnation: Incarnation, slot: Slot, bytes: usize) -> bool {
        let mut state = self.state();
        if !state.has_room() {
            return false;
        }
        state.flights.push_back(Flight { incarnation, slot, bytes, landed: false });
        state.bytes += bytes;
        true
    }

    /// The event that left last did not leave after all.
    pub fn recall(&self) {
        let mut state = self.state();
        if let Some(flight) = state.flights.pop_back() {
            state.bytes -= flight.bytes;
        }
    }

    /// Kafka has it.
    pub fn landed(&self, position: Position) {
        let mut state = self.state();
        let index = position.0 - state.first;
        let Some(flight) = usize::try_from(index).ok().and_then(|index| state.flights.get_mut(index)) else { return };
        flight.landed = true;
        if state.flights.front().is_some_and(|flight| flight.landed) {
            drop(state);
            self.moved.notify_one();
        }
    }

    /// Kafka will not have it from this producer. The first failure stays: the others follow from it.
    pub fn failed(&self, failure: Failure) {
        self.state().failure.get_or_insert(failure);
        self.moved.notify_one();
    }

    /// Moves `mark` over what has landed without a gap; gives how many events that were.
    pub fn collect(&self, mark: &mut Mark) -> usize {
        let mut state = self.state();
        let mut count = 0;
        while let Some(flight) = state.flights.pop_front_if(|flight| flight.landed) {
            mark.advance(flight.incarnation, Position(state.first), flight.slot);
            state.first += 1;
            state.bytes -= flight.bytes;
            count += 1;
        }
        state.width = state.width.after_landing(count);
        count
    }

    /// What went wrong first, if anything did.
    pub fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// Returns when there may be something to [`Window::collect`] or a [`Window::failure`].
    pub async fn moved(&self) {
        self.moved.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use events::Category;

    use super::*;

    const SLOT: Slot = Slot { category: Category::Order, partition: 0 };

    fn departed(count: usize) -> (Window, Mark) {
        let mut mark = Mark::new(1);
        mark.advance(Incarnation(1), Position(10), SLOT);
        let window = Window::after(mark.position, Width::FULL);
        for _ in 0..count {
            assert!(window.depart(Incarnation(1), SLOT, 100));
        }
        (window, mark)
    }

    #[test]
    fn the_mark_stops_before_the_first_gap() {
        let (window, mut mark) = departed(3);
        window.landed(Position(11));
        window.landed(Position(13));
        assert_eq!((window.collect(&mut mark), mark.position), (1, Position(11)));
        window.landed(Position(12));
        assert_eq!((window.collect(&mut mark), mark.position), (2, Position(13)));
        assert!(window.is_empty());
    }

    #[test]
    fn what_has_landed_before_a_failure_counts() {
        let (window, mut mark) = departed(3);
        let failure = |position| Failure { position: Some(Position(position)), reason: "too large".into() };
        window.landed(Position(11));
        window.failed(failure(12));
        window.failed(failure(13));
        assert_eq!((window.collect(&mut mark), mark.position), (1, Position(11)));
        assert_eq!(window.failure(), Some(failure(12)));
    }

    #[test]
    fn room_is_bounded_by_events_and_by_bytes() {
        let (window, mut mark) = departed(MAX_EVENTS);
        assert!(!window.depart(Incarnation(1), SLOT, 100));
        window.landed(Position(11));
        window.collect(&mut mark);
        assert!(window.depart(Incarnation(1), SLOT, MAX_BYTES));
        assert!(!window.has_room());
    }

    #[test]
    fn after_failures_events_go_one_by_one_until_they_land() {
        let alone = (0..5).fold(Width::FULL, |width, _| width.after_failure());
        assert_eq!(alone, Width(1));
        let (window, mut mark) = (Window::after(Position(10), alone), Mark::new(1));
        assert!(window.depart(Incarnation(1), SLOT, 100) && !window.depart(Incarnation(1), SLOT, 100));
        window.landed(Position(11));
        window.collect(&mut mark);
        assert_eq!(window.width(), Width(2));
    }

    #[test]
    fn strangers_land_nowhere() {
        let (window, mut mark) = departed(1);
        window.landed(Position(10));
        window.landed(Position(12));
        assert_eq!(window.collect(&mut mark), 0);
    }

    #[test]
    fn an_event_that_did_not_leave_is_forgotten() {
        let (window, _) = departed(1);
        window.recall();
        assert!(window.is_empty());
    }
}
