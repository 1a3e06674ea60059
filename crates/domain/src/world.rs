//! The world: the states of streams and the last order numbers, folded from the log. The rules read the world through a
//! [`Reader`](crate::reader::Reader).
//!
//! The writer keeps one world, loads the streams that a command needs into it, and applies new events while it decides
//! a batch, before the log contains them. The undo journal contains what a pending batch has changed, as it was before:
//! [`World::roll_back`] undoes every batch that is not committed, and [`World::undo_to`] undoes the changes since a
//! [`Savepoint`], for a command that is only tried and for a group of commands that take effect together or not at all.
//!
//! Invariant: the journal has one entry per stream and period. A period ends where a part of the batch could be undone
//! on its own (a new batch or a savepoint), so undoing the entries from the last to the first always restores the state
//! at the savepoint.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::num::NonZeroUsize;

use events::order::OrderEvent;
use events::{Event, OrderCode, Recorded, StreamId, Version};
use lru::LruCache;
use serde::Deserialize;

use crate::channel::Channels;
use crate::state::State;

/// A stream in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slot {
    /// Version of its last event.
    pub version: Version,
    /// Its state; `None` for a stream without events.
    pub state: Option<State>,
}

/// Limits of the memory that streams take between batches.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Number of streams.
    pub streams: NonZeroUsize,
    /// Estimated bytes of their states: one order can be as large as a thousand stock items.
    pub bytes: usize,
}

/// States of the streams in memory, the last number of each order prefix, and the sales channels.
#[derive(Debug)]
pub struct World {
    streams: LruCache<StreamId, StreamInMemory>,
    room: Room,
    bytes: usize,
    numbers: BTreeMap<String, Counter>,
    /// The undo journal: values before changes of pending batches, the oldest entry first.
    journal: VecDeque<UndoEntry>,
    /// The batches that are neither committed nor undone, the oldest first.
    pending_batches: VecDeque<PendingBatch>,
    /// The current period.
    period: Period,
    channels: Channels,
}

#[derive(Debug)]
struct StreamInMemory {
    slot: Slot,
    bytes: usize,
    /// The period of its last journal entry.
    journaled: Period,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    last: u64,
    /// The period of its last journal entry.
    journaled: Period,
}

/// A batch that is neither committed nor undone.
#[derive(Debug, Clone, Copy)]
struct PendingBatch {
    /// Index of its first journal entry.
    journal_start: usize,
    /// Its first period.
    period: Period,
}

/// A journal entry: a value before its change.
#[derive(Debug)]
enum UndoEntry {
    Stream(StreamId, Slot, Period),
    Number(String, u64),
}

/// Number of a period; see the invariant at the top of this file.
type Period = u64;

/// A point in a batch to which the world can be restored.
#[derive(Debug, Clone, Copy)]
pub struct Savepoint(usize);

impl World {
    /// An empty world that keeps at most this number of streams between batches, without a limit on bytes.
    pub fn new(streams: NonZeroUsize) -> World {
        World::within(Room { streams, bytes: usize::MAX })
    }

    /// An empty world that keeps to the limits of `room` between batches.
    pub fn within(room: Room) -> World {
        World {
            streams: LruCache::unbounded(),
            room,
            bytes: 0,
            numbers: BTreeMap::new(),
            journal: VecDeque::new(),
            pending_batches: VecDeque::new(),
            period: 0,
            channels: Channels::default(),
        }
    }

    /// Sets the sales channels.
    pub fn set_channels(&mut self, channels: Channels) {
        self.channels = channels;
    }

    /// The sales channels.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The stream, if it is in memory. A stream that is known to have no events is in memory with version 0.
    pub fn find(&self, stream: &StreamId) -> Option<&Slot> {
        self.streams.peek(stream).map(|kept| &kept.slot)
    }

    /// Version of a stream; [`Version::NONE`] if the stream has no events or is not in memory.
    pub fn version(&self, stream: &StreamId) -> Version {
        self.find(stream).map_or(Version::NONE, |slot| slot.version)
    }

    /// The last number that was given out with this prefix; 0 before the first.
    pub fn last_number(&self, prefix: &str) -> u64 {
        self.numbers.get(prefix).map_or(0, |counter| counter.last)
    }

    /// The last number of every prefix in the log, for a snapshot. Numbers of pending batches may be given out again.
    pub fn settled_numbers(&self) -> BTreeMap<String, u64> {
        let mut numbers: BTreeMap<String, u64> =
            self.numbers.iter().map(|(prefix, counter)| (prefix.clone(), counter.last)).collect();
        for entry in self.journal.iter().rev() {
            match entry {
                UndoEntry::Number(prefix, 0) => drop(numbers.remove(prefix)),
                UndoEntry::Number(prefix, last) => drop(numbers.insert(prefix.clone(), *last)),
                UndoEntry::Stream(..) => {}
            }
        }
        numbers
    }

    /// Takes numbers from a snapshot or from the log.
    pub fn restore_numbers(&mut self, numbers: BTreeMap<String, u64>) {
        let counters = numbers.into_iter().map(|(prefix, last)| (prefix, Counter { last, journaled: 0 }));
        self.numbers = counters.collect();
    }

    /// Estimated bytes of the states in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Marks a stream as recently used.
    pub fn touch(&mut self, stream: &StreamId) {
        self.streams.promote(stream);
    }

    /// Adds a stream that was loaded from the log.
    pub fn put(&mut self, stream: StreamId, slot: Slot) {
        self.put_journaled(stream, slot, 0);
    }

    fn put_journaled(&mut self, stream: StreamId, slot: Slot, journaled: Period) {
        let bytes = slot.bytes();
        self.bytes += bytes;
        if let Some(old) = self.streams.put(stream, StreamInMemory { slot, bytes, journaled }) {
            self.bytes -= old.bytes;
        }
    }

    /// Removes all streams and numbers, for another log; the memory limits and the sales channels stay.
    pub fn clear(&mut self) {
        let channels = std::mem::take(&mut self.channels);
        *self = World { channels, ..World::within(self.room) };
    }

    /// Removes a stream from memory; the next command that needs the stream loads it again.
    pub fn forget(&mut self, stream: &StreamId) {
        if let Some(old) = self.streams.pop(stream) {
            self.bytes -= old.bytes;
        }
    }

    /// Begins a batch. The changes of the batch can be undone until it is committed.
    pub fn begin(&mut self) {
        self.period += 1;
        self.pending_batches.push_back(PendingBatch { journal_start: self.journal.len(), period: self.period });
    }

    /// Commits the oldest batch: its changes are in the log. Removes the least recently used streams beyond the memory
    /// limits.
    pub fn commit(&mut self) {
        self.pending_batches.pop_front();
        let settled = self.pending_batches.front().map_or(self.journal.len(), |next| next.journal_start);
        self.journal.drain(..settled);
        self.pending_batches.iter_mut().for_each(|batch| batch.journal_start -= settled);
        self.make_room();
    }

    /// Undoes the changes of every batch that is not committed.
    pub fn roll_back(&mut self) {
        self.undo_to(Savepoint(0));
        self.pending_batches.clear();
    }

    /// Undoes the newest batch that is not committed, and ends it.
    pub fn abandon(&mut self) {
        if let Some(batch) = self.pending_batches.pop_back() {
            self.undo_to(Savepoint(batch.journal_start));
        }
    }

    /// A savepoint at the current point of the batch.
    pub fn savepoint(&mut self) -> Savepoint {
        self.period += 1;
        Savepoint(self.journal.len())
    }

    /// Undoes the changes since the savepoint.
    pub fn undo_to(&mut self, savepoint: Savepoint) {
        while self.journal.len() > savepoint.0 {
            match self.journal.pop_back() {
                Some(UndoEntry::Stream(stream, slot, journaled)) => self.put_journaled(stream, slot, journaled),
                Some(UndoEntry::Number(prefix, 0)) => drop(self.numbers.remove(&prefix)),
                Some(UndoEntry::Number(prefix, last)) => {
                    self.numbers.insert(prefix, Counter { last, journaled: 0 });
                }
                None => return,
            }
        }
    }

    /// Applies an event that a command of this batch decided; returns its version.
    pub fn evolve(&mut self, stream: &StreamId, event: &Event) -> Version {
        self.count(event);
        let kept = self.streams.get_or_insert_mut_ref(stream, StreamInMemory::empty);
        if !self.pending_batches.is_empty() && kept.journaled != self.period {
            let before = std::mem::replace(&mut kept.journaled, self.period);
            self.journal.push_back(UndoEntry::Stream(stream.clone(), kept.slot.clone(), before));
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

    /// Counts the number of an order that is placed.
    pub fn count(&mut self, event: &Event) {
        let Event::Order(OrderEvent::Placed(placed)) = event else { return };
        self.count_code(&placed.code);
    }

    /// Counts the number of an order with this code.
    pub fn count_code(&mut self, code: &OrderCode) {
        let Some((prefix, number)) = split_code(code) else { return };
        let journaling = !self.pending_batches.is_empty();
        let Some(counter) = self.numbers.get_mut(prefix) else {
            self.numbers.insert(prefix.to_owned(), Counter { last: number, journaled: self.period });
            if journaling {
                self.journal.push_back(UndoEntry::Number(prefix.to_owned(), 0));
            }
            return;
        };
        if journaling && counter.journaled != self.period {
            counter.journaled = self.period;
            self.journal.push_back(UndoEntry::Number(prefix.to_owned(), counter.last));
        }
        counter.last = number.max(counter.last);
    }

    /// Streams that a pending batch has changed stay: the log does not contain their changes yet.
    fn make_room(&mut self) {
        let settled_before = self.pending_batches.front().map_or(u64::MAX, |batch| batch.period);
        while self.streams.len() > self.room.streams.get() || self.bytes > self.room.bytes {
            match self.streams.peek_lru() {
                Some((_, oldest)) if oldest.journaled < settled_before => {
                    self.bytes -= oldest.bytes;
                    self.streams.pop_lru();
                }
                Some(_) | None => return,
            }
        }
    }
}

impl StreamInMemory {
    fn empty() -> StreamInMemory {
        StreamInMemory { slot: Slot::default(), bytes: 0, journaled: 0 }
    }

    /// Returns the version of the stream and the growth in bytes.
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

    /// Estimated bytes in memory, including the name of the stream and the map entry.
    fn bytes(&self) -> usize {
        const PLACE: usize = 64 + size_of::<StreamInMemory>();
        PLACE + self.state.as_ref().map_or(0, State::bytes)
    }
}

/// The code of the order that the event placed; the rest of the event is not parsed.
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
