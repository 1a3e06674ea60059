//! Loading what a batch looks at: every stream from its last snapshot on, in as few queries as there are rounds.

use std::collections::{HashMap, HashSet};

use events::{LogPosition, Recorded, StreamId};

use super::Writer;
use super::batch::Batch;
use super::keeper::{EVENTS_PER_SNAPSHOT, Portrait};
use super::mailbox::Waiting;
use super::unit::Unit;
use crate::log;
use crate::log::snapshot::{NO_SHAPE, Snapshot, StreamItem};
use domain::rules;
use domain::state;
use domain::world::Slot;

/// Rounds of loading before a batch is decided: an order first, then the stock of its lines.
const LOAD_ROUNDS: usize = 3;

/// Streams that are loaded at once: some tenths of a second, and what memory must hold beside those that are kept. What a
/// batch looks at beyond them is loaded with the next batch.
const LOADED_AT_ONCE: usize = 4_096;

/// Whether what was loaded is as old as the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// The batch can be decided.
    All,
    /// The log has moved on: follow it first.
    Behind,
}

impl Writer {
    /// Loads the streams that the batch will look at; puts back what looks at too many.
    pub(super) async fn load_what_is_read(&mut self, batch: &mut Batch) -> Result<Loaded, log::Error> {
        for _ in 0..LOAD_ROUNDS {
            let missing = self.missing(batch);
            if missing.is_empty() {
                return Ok(Loaded::All);
            }
            if self.load(missing).await? == Loaded::Behind {
                return Ok(Loaded::Behind);
            }
        }
        Ok(Loaded::All)
    }

    /// The streams that the batch looks at and that are not in memory; the others are used now, and stay.
    fn missing(&mut self, batch: &mut Batch) -> HashSet<StreamId> {
        let mut missing = HashSet::new();
        let mut units = 0;
        while missing.len() < LOADED_AT_ONCE
            && let Some(unit) = batch.get(units)
        {
            let reads = |waiting: &Waiting| rules::reads(&waiting.request.command, &self.world);
            let streams: Vec<StreamId> = unit.members().iter().flat_map(reads).collect();
            for stream in streams {
                match self.world.find(&stream) {
                    Some(_) => self.world.touch(&stream),
                    None => drop(missing.insert(stream)),
                }
            }
            units += 1;
        }
        let rest = batch.split_off(units);
        self.put_back(rest);
        missing
    }

    /// Whether a stream that the unit looks at is not in memory; where none is, they are used now, and stay.
    pub(super) fn needs_loading(&mut self, unit: &Unit<Waiting>) -> bool {
        let reads = |waiting: &Waiting| rules::reads(&waiting.request.command, &self.world);
        let streams: Vec<StreamId> = unit.members().iter().flat_map(reads).collect();
        let loaded = streams.iter().all(|stream| self.world.find(stream).is_some());
        streams.iter().for_each(|stream| self.world.touch(stream));
        !loaded
    }

    async fn fold(&self, names: &[StreamId], shape: i64) -> Result<Folds, log::Error> {
        let mut folds = Folds::new(names, self.end.head);
        self.log.load(names, shape, |piece| folds.take(piece)).await?;
        Ok(folds)
    }

    async fn load(&mut self, streams: HashSet<StreamId>) -> Result<Loaded, log::Error> {
        let names: Vec<StreamId> = streams.into_iter().collect();
        let mut folds = self.fold(&names, state::shape()).await?;
        if folds.misread {
            folds = self.fold(&names, NO_SHAPE).await?;
        }
        if folds.behind {
            return Ok(Loaded::Behind);
        }
        for (stream, fold) in folds.streams {
            if let (Some(last), Some(state)) = (fold.last, &fold.slot.state)
                && fold.events >= EVENTS_PER_SNAPSHOT
            {
                let (version, state) = (fold.slot.version, state.clone());
                let (position, incarnation) = (last.position, last.incarnation);
                self.keeper.keep(Portrait { stream: stream.clone(), version, position, incarnation, state });
            }
            if fold.readable {
                self.world.put(stream, fold.slot);
            }
        }
        Ok(Loaded::All)
    }
}

/// Streams on their way into memory.
struct Folds {
    head: LogPosition,
    streams: HashMap<StreamId, Fold>,
    /// Whether something of theirs lies beyond the head.
    behind: bool,
    /// Whether a snapshot could not be read.
    misread: bool,
}

struct Fold {
    slot: Slot,
    /// Events since the snapshot.
    events: usize,
    /// Where the last of them is.
    last: Option<LogPosition>,
    readable: bool,
}

/// The stream must be folded from its first event on.
struct Misread;

impl Folds {
    fn new(names: &[StreamId], head: LogPosition) -> Folds {
        let empty = || Fold { slot: Slot::default(), events: 0, last: None, readable: true };
        Folds {
            head,
            streams: names.iter().map(|stream| (stream.clone(), empty())).collect(),
            behind: false,
            misread: false,
        }
    }

    fn take(&mut self, piece: StreamItem) {
        let (stream, position) = match &piece {
            StreamItem::Snapshot(snapshot) => (&snapshot.stream, snapshot.position),
            StreamItem::Event(recorded) => (&recorded.stream, recorded.position),
        };
        // Another writer appended since our head: this batch would lose its race.
        if position > self.head.position {
            self.behind = true;
            return;
        }
        match (self.streams.get_mut(stream), &piece) {
            (Some(fold), StreamItem::Snapshot(snapshot)) => self.misread |= fold.begin(snapshot).is_err(),
            (Some(fold), StreamItem::Event(recorded)) => fold.evolve(recorded),
            (None, _) => {}
        }
    }
}

impl Fold {
    fn begin(&mut self, snapshot: &Snapshot) -> Result<(), Misread> {
        match serde_json::from_str(&snapshot.state) {
            Ok(state) => self.slot = Slot { version: snapshot.version, state: Some(state) },
            Err(error) => {
                tracing::warn!(stream = %snapshot.stream, version = snapshot.version.0, %error, "a snapshot cannot be read");
                return Err(Misread);
            }
        }
        Ok(())
    }

    fn evolve(&mut self, recorded: &Recorded) {
        if !self.readable {
            return;
        }
        self.events += 1;
        self.last = Some(LogPosition { incarnation: recorded.incarnation, position: recorded.position });
        match recorded.decode() {
            Ok(event) => drop(self.slot.evolve(&event)),
            Err(error) => {
                tracing::error!(stream = %recorded.stream, position = recorded.position.0, %error, "a stream cannot be read");
                self.readable = false;
            }
        }
    }
}
