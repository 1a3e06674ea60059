//! What the rules see: the states of streams and the order numbers, folded from the log.
//!
//! The [`writer`](crate::writer) keeps one world, loads what a command needs into it, and lets it run ahead of the log
//! while it decides a batch; [`World::roll_back`] undoes a batch that did not commit.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use events::order::OrderEvent;
use events::{Event, OrderCode, StreamId, Version};
use lru::LruCache;

use crate::state::State;

/// A stream as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slot {
    /// Its last event.
    pub version: Version,
    /// Its state; `None` for a stream without events.
    pub state: Option<State>,
}

/// States of the streams in memory, and the last number of each order prefix.
#[derive(Debug)]
pub struct World {
    streams: LruCache<StreamId, Slot>,
    capacity: NonZeroUsize,
    numbers: BTreeMap<String, u64>,
    before: Option<Before>,
}

/// What a batch changed, as it was.
#[derive(Debug)]
struct Before {
    streams: HashMap<StreamId, Slot>,
    numbers: BTreeMap<String, u64>,
}

impl World {
    /// An empty world that keeps at most `capacity` streams between batches.
    pub fn new(capacity: NonZeroUsize) -> World {
        World { streams: LruCache::unbounded(), capacity, numbers: BTreeMap::new(), before: None }
    }

    /// The stream, if it is in memory. A stream that is known not to exist is there with version 0.
    pub fn find(&self, stream: &StreamId) -> Option<&Slot> {
        self.streams.peek(stream)
    }

    /// The last number given out with this prefix; 0 before the first.
    pub fn last_number(&self, prefix: &str) -> u64 {
        self.numbers.get(prefix).copied().unwrap_or(0)
    }

    /// Every prefix with its last number, for a snapshot.
    pub fn numbers(&self) -> &BTreeMap<String, u64> {
        &self.numbers
    }

    /// Takes numbers from a snapshot.
    pub fn restore_numbers(&mut self, numbers: BTreeMap<String, u64>) {
        self.numbers = numbers;
    }

    /// Marks a stream as used, so that it stays.
    pub fn touch(&mut self, stream: &StreamId) {
        self.streams.promote(stream);
    }

    /// Puts a stream as loaded from the log.
    pub fn put(&mut self, stream: StreamId, slot: Slot) {
        self.streams.put(stream, slot);
    }

    /// Forgets a stream; the next command that needs it loads it again.
    pub fn forget(&mut self, stream: &StreamId) {
        self.streams.pop(stream);
    }

    /// Starts to remember what changes.
    pub fn begin(&mut self) {
        self.before = Some(Before { streams: HashMap::new(), numbers: self.numbers.clone() });
    }

    /// The changes since [`World::begin`] are in the log; forgets the streams that nobody used for long.
    pub fn commit(&mut self) {
        self.before = None;
        while self.streams.len() > self.capacity.get() {
            self.streams.pop_lru();
        }
    }

    /// Undoes the changes since [`World::begin`].
    pub fn roll_back(&mut self) {
        let Some(before) = self.before.take() else { return };
        self.numbers = before.numbers;
        for (stream, slot) in before.streams {
            self.streams.put(stream, slot);
        }
    }

    /// Applies an event that a command of this batch decided; gives its version.
    pub fn evolve(&mut self, stream: &StreamId, event: &Event) -> Version {
        self.count(event);
        let slot = self.streams.get_or_insert_mut_ref(stream, Slot::default);
        if let Some(before) = &mut self.before
            && !before.streams.contains_key(stream)
        {
            before.streams.insert(stream.clone(), slot.clone());
        }
        slot.evolve(event)
    }

    /// Applies an event that another writer appended: to a stream in memory, and to the numbers.
    pub fn follow(&mut self, stream: &StreamId, version: Version, event: &Event) {
        self.count(event);
        let Some(slot) = self.streams.peek_mut(stream) else { return };
        if slot.version.next() == version {
            slot.evolve(event);
        } else if slot.version < version {
            self.streams.pop(stream);
        }
    }

    /// Takes an order's number into account.
    pub fn count(&mut self, event: &Event) {
        let Event::Order(OrderEvent::Placed(placed)) = event else { return };
        let Some((prefix, number)) = split_code(&placed.code) else { return };
        match self.numbers.get_mut(prefix) {
            Some(last) => *last = number.max(*last),
            None => {
                self.numbers.insert(prefix.to_owned(), number);
            }
        }
    }
}

impl Slot {
    /// The stream after `event`.
    pub fn evolve(&mut self, event: &Event) -> Version {
        match &mut self.state {
            Some(state) => state.evolve(event),
            None => self.state = Some(State::first(event)),
        }
        self.version = self.version.next();
        self.version
    }
}

/// `SON000042` is prefix `SON`, number 42.
fn split_code(code: &OrderCode) -> Option<(&str, u64)> {
    let code = code.as_str();
    let prefix = code.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((prefix, code[prefix.len()..].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use events::stock::{StockEvent, StockReceived};

    use super::*;

    fn world() -> World {
        World::new(NonZeroUsize::new(2).unwrap())
    }

    fn stream(name: &str) -> StreamId {
        name.parse().unwrap()
    }

    fn received(quantity: u32) -> Event {
        StockEvent::Received(StockReceived { quantity, reference: None }).into()
    }

    fn on_hand(world: &World, name: &str) -> Option<i64> {
        match &world.find(&stream(name))?.state {
            Some(State::Stock(level)) => Some(level.on_hand),
            _ => None,
        }
    }

    #[test]
    fn a_batch_that_does_not_commit_leaves_no_trace() {
        let mut world = world();
        world.put(stream("stock-A@x"), Slot::default());
        world.begin();
        world.evolve(&stream("stock-A@x"), &received(5));
        world.commit();
        world.begin();
        world.evolve(&stream("stock-A@x"), &received(1));
        world.evolve(&stream("stock-A@x"), &received(1));
        assert_eq!(on_hand(&world, "stock-A@x"), Some(7));
        world.roll_back();
        assert_eq!(on_hand(&world, "stock-A@x"), Some(5));
        assert_eq!(world.find(&stream("stock-A@x")).unwrap().version, Version(1));
    }

    #[test]
    fn what_another_writer_appended_is_followed_in_order_or_forgotten() {
        let mut world = world();
        world.put(stream("stock-A@x"), Slot::default());
        world.follow(&stream("stock-A@x"), Version(1), &received(3));
        world.follow(&stream("stock-A@x"), Version(1), &received(3));
        assert_eq!(on_hand(&world, "stock-A@x"), Some(3));
        world.follow(&stream("stock-A@x"), Version(3), &received(3));
        assert!(world.find(&stream("stock-A@x")).is_none());
    }

    #[test]
    fn streams_that_nobody_uses_make_room_between_batches() {
        let mut world = world();
        for name in ["stock-A@x", "stock-B@x", "stock-C@x"] {
            world.put(stream(name), Slot::default());
        }
        world.touch(&stream("stock-A@x"));
        world.begin();
        world.commit();
        assert!(world.find(&stream("stock-B@x")).is_none());
        assert!(world.find(&stream("stock-A@x")).is_some() && world.find(&stream("stock-C@x")).is_some());
    }
}
