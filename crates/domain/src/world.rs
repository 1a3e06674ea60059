//! What the rules see: the states of streams and the order numbers, folded from the log.
//!
//! The writer keeps one world, loads what a command needs into it, and lets it run ahead of the log
//! while it decides a batch. Everything that a batch changes is noted as it was before: [`World::roll_back`] undoes a batch
//! that did not commit, and [`World::undo_to`] only what came after a [`Mark`], for a command that is only tried and for a
//! group of commands that take effect together or not at all.
//!
//! What a reader cannot see: a change is noted once per stream and period. A period ends where something could be undone
//! on its own, so the notes, taken back from the last to the first, always lead to the state at the mark.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::num::NonZeroUsize;

use events::order::OrderEvent;
use events::{Event, OrderCode, Recorded, StreamId, Version};
use lru::LruCache;
use serde::Deserialize;

use crate::channel::Channels;
use crate::state::State;

/// A stream as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slot {
    /// Its last event.
    pub version: Version,
    /// Its state; `None` for a stream without events.
    pub state: Option<State>,
}

/// How much is kept in memory between batches.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Streams.
    pub streams: NonZeroUsize,
    /// Bytes of their states, roughly: one order can be as large as a thousand stock items.
    pub bytes: usize,
}

/// States of the streams in memory, the last number of each order prefix, and the channels that orders come from.
#[derive(Debug)]
pub struct World {
    streams: LruCache<StreamId, Kept>,
    room: Room,
    bytes: usize,
    numbers: BTreeMap<String, Counter>,
    /// How things were, the oldest note first.
    notes: VecDeque<Note>,
    /// The batches that are not settled, the oldest first.
    batches: VecDeque<Batch>,
    /// The time since something could last be undone on its own.
    period: u64,
    channels: Channels,
}

#[derive(Debug)]
struct Kept {
    slot: Slot,
    bytes: usize,
    /// The period in which it was last noted.
    noted: Noted,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    last: u64,
    noted: u64,
}

/// A batch that is not settled.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// Where its notes begin.
    notes: usize,
    /// Its first period.
    period: u64,
}

/// Something as it was.
#[derive(Debug)]
enum Note {
    Stream(StreamId, Slot, Noted),
    Number(String, u64),
}

/// The period in which a stream was noted before that: it may still be one of a batch that is not settled.
type Noted = u64;

/// A point in a batch to which the world can be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl World {
    /// An empty world that keeps at most so many streams between batches, however large they are.
    pub fn new(streams: NonZeroUsize) -> World {
        World::within(Room { streams, bytes: usize::MAX })
    }

    /// An empty world that keeps within `room` between batches.
    pub fn within(room: Room) -> World {
        World {
            streams: LruCache::unbounded(),
            room,
            bytes: 0,
            numbers: BTreeMap::new(),
            notes: VecDeque::new(),
            batches: VecDeque::new(),
            period: 0,
            channels: Channels::default(),
        }
    }

    /// Orders come from these channels from now on.
    pub fn sell_through(&mut self, channels: Channels) {
        self.channels = channels;
    }

    /// Where orders come from.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The stream, if it is in memory. A stream that is known not to exist is there with version 0.
    pub fn find(&self, stream: &StreamId) -> Option<&Slot> {
        self.streams.peek(stream).map(|kept| &kept.slot)
    }

    /// The last event of a stream; none where there is no such stream, or it is not in memory.
    pub fn version(&self, stream: &StreamId) -> Version {
        self.find(stream).map_or(Version::NONE, |slot| slot.version)
    }

    /// The last number given out with this prefix; 0 before the first.
    pub fn last_number(&self, prefix: &str) -> u64 {
        self.numbers.get(prefix).map_or(0, |counter| counter.last)
    }

    /// Every prefix with its last number in the log, for a snapshot: what a batch gave out that is not settled may be given out
    /// again.
    pub fn settled_numbers(&self) -> BTreeMap<String, u64> {
        let mut numbers: BTreeMap<String, u64> =
            self.numbers.iter().map(|(prefix, counter)| (prefix.clone(), counter.last)).collect();
        for note in self.notes.iter().rev() {
            match note {
                Note::Number(prefix, 0) => drop(numbers.remove(prefix)),
                Note::Number(prefix, last) => drop(numbers.insert(prefix.clone(), *last)),
                Note::Stream(..) => {}
            }
        }
        numbers
    }

    /// Takes numbers from a snapshot or from the log.
    pub fn restore_numbers(&mut self, numbers: BTreeMap<String, u64>) {
        let counters = numbers.into_iter().map(|(prefix, last)| (prefix, Counter { last, noted: 0 }));
        self.numbers = counters.collect();
    }

    /// Roughly the bytes of the states in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Marks a stream as used, so that it stays.
    pub fn touch(&mut self, stream: &StreamId) {
        self.streams.promote(stream);
    }

    /// Puts a stream as loaded from the log.
    pub fn put(&mut self, stream: StreamId, slot: Slot) {
        self.put_noted(stream, slot, 0);
    }

    fn put_noted(&mut self, stream: StreamId, slot: Slot, noted: Noted) {
        let bytes = slot.bytes();
        self.bytes += bytes;
        if let Some(old) = self.streams.put(stream, Kept { slot, bytes, noted }) {
            self.bytes -= old.bytes;
        }
    }

    /// Forgets everything, for another log; what room there is and where orders come from stays.
    pub fn clear(&mut self) {
        let channels = std::mem::take(&mut self.channels);
        *self = World { channels, ..World::within(self.room) };
    }

    /// Forgets a stream; the next command that needs it loads it again.
    pub fn forget(&mut self, stream: &StreamId) {
        if let Some(old) = self.streams.pop(stream) {
            self.bytes -= old.bytes;
        }
    }

    /// A batch begins: what it changes can be undone until it is committed.
    pub fn begin(&mut self) {
        self.period += 1;
        self.batches.push_back(Batch { notes: self.notes.len(), period: self.period });
    }

    /// The changes of the oldest batch are in the log; forgets the streams that nobody used for long.
    pub fn commit(&mut self) {
        self.batches.pop_front();
        let settled = self.batches.front().map_or(self.notes.len(), |next| next.notes);
        self.notes.drain(..settled);
        self.batches.iter_mut().for_each(|batch| batch.notes -= settled);
        self.make_room();
    }

    /// Undoes the changes of every batch that is not committed.
    pub fn roll_back(&mut self) {
        self.undo_to(Mark(0));
        self.batches.clear();
    }

    /// Undoes the newest batch that is not committed, and ends it.
    pub fn abandon(&mut self) {
        if let Some(batch) = self.batches.pop_back() {
            self.undo_to(Mark(batch.notes));
        }
    }

    /// Where the batch is now.
    pub fn mark(&mut self) -> Mark {
        self.period += 1;
        Mark(self.notes.len())
    }

    /// Undoes what the batch changed since the mark.
    pub fn undo_to(&mut self, mark: Mark) {
        while self.notes.len() > mark.0 {
            match self.notes.pop_back() {
                Some(Note::Stream(stream, slot, noted)) => self.put_noted(stream, slot, noted),
                Some(Note::Number(prefix, 0)) => drop(self.numbers.remove(&prefix)),
                Some(Note::Number(prefix, last)) => drop(self.numbers.insert(prefix, Counter { last, noted: 0 })),
                None => return,
            }
        }
    }

    /// Applies an event that a command of this batch decided; gives its version.
    pub fn evolve(&mut self, stream: &StreamId, event: &Event) -> Version {
        self.count(event);
        let kept = self.streams.get_or_insert_mut_ref(stream, Kept::empty);
        if !self.batches.is_empty() && kept.noted != self.period {
            let before = std::mem::replace(&mut kept.noted, self.period);
            self.notes.push_back(Note::Stream(stream.clone(), kept.slot.clone(), before));
        }
        let (version, grown) = kept.evolve(event);
        self.bytes = self.bytes.saturating_add_signed(grown);
        version
    }

    /// Applies an event that another writer appended to a stream in memory.
    pub fn follow(&mut self, stream: &StreamId, version: Version, event: &Event) {
        let Some(kept) = self.streams.peek_mut(stream) else { return };
        if kept.slot.version.next() == version {
            let (_, grown) = kept.evolve(event);
            self.bytes = self.bytes.saturating_add_signed(grown);
        } else if kept.slot.version < version {
            self.forget(stream);
        }
    }

    /// Takes an order's number into account.
    pub fn count(&mut self, event: &Event) {
        let Event::Order(OrderEvent::Placed(placed)) = event else { return };
        self.count_code(&placed.code);
    }

    /// Takes the number of an order into account that has this code.
    pub fn count_code(&mut self, code: &OrderCode) {
        let Some((prefix, number)) = split_code(code) else { return };
        let noting = !self.batches.is_empty();
        let Some(counter) = self.numbers.get_mut(prefix) else {
            self.numbers.insert(prefix.to_owned(), Counter { last: number, noted: self.period });
            if noting {
                self.notes.push_back(Note::Number(prefix.to_owned(), 0));
            }
            return;
        };
        if noting && counter.noted != self.period {
            counter.noted = self.period;
            self.notes.push_back(Note::Number(prefix.to_owned(), counter.last));
        }
        counter.last = number.max(counter.last);
    }

    /// What a batch that is not settled has changed stays: the log does not have it yet, so it must not be read from there.
    fn make_room(&mut self) {
        let settled_before = self.batches.front().map_or(u64::MAX, |batch| batch.period);
        while self.streams.len() > self.room.streams.get() || self.bytes > self.room.bytes {
            match self.streams.peek_lru() {
                Some((_, oldest)) if oldest.noted < settled_before => {
                    self.bytes -= oldest.bytes;
                    self.streams.pop_lru();
                }
                Some(_) | None => return,
            }
        }
    }
}

impl Kept {
    fn empty() -> Kept {
        Kept { slot: Slot::default(), bytes: 0, noted: 0 }
    }

    /// Gives the stream's version, and the bytes that it takes more than before.
    fn evolve(&mut self, event: &Event) -> (Version, isize) {
        let version = self.slot.evolve(event);
        let before = std::mem::replace(&mut self.bytes, self.slot.bytes());
        (version, self.bytes as isize - before as isize)
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

    /// Roughly the bytes that it takes in memory, with its name and its place.
    fn bytes(&self) -> usize {
        const PLACE: usize = 64 + size_of::<Kept>();
        PLACE + self.state.as_ref().map_or(0, State::bytes)
    }
}

/// The code of the order that this event placed, read without the rest of it.
pub fn code_of(recorded: &Recorded) -> Option<OrderCode> {
    #[derive(Deserialize)]
    struct Coded {
        code: OrderCode,
    }
    let is_placed = recorded.event_type == "OrderPlaced";
    is_placed.then(|| serde_json::from_str(&recorded.payload).ok()).flatten().map(|Coded { code }| code)
}

/// `SON000042` is prefix `SON`, number 42.
pub fn split_code(code: &OrderCode) -> Option<(&str, u64)> {
    let code = code.as_str();
    let prefix = code.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((prefix, code[prefix.len()..].parse().ok()?))
}

#[cfg(test)]
mod tests;
