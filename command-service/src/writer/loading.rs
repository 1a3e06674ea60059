//! Loading the streams that a batch needs, each from its last snapshot on, in few queries: where one command lacks streams, what
//! the commands behind it lack is loaded with them.

use std::collections::{HashMap, HashSet, VecDeque};

use events::{LogPosition, Recorded, StreamId};

use super::keeper::{EVENTS_PER_SNAPSHOT, Portrait};
use super::mailbox::Waiting;
use super::unit::Unit;
use super::{Writer, desk};
use crate::log;
use crate::log::snapshot::{NO_SHAPE, Snapshot, StreamItem};
use domain::rules::{MAX_LOAD_ROUNDS, MissingStreams, Reader};
use domain::state;
use domain::world::Slot;

/// Streams that are loaded for one batch, about: some tenths of a second, and what memory must hold beside the streams that are
/// kept. Commands that need more streams are decided with the next batch.
const LOADED_PER_BATCH: usize = 4_096;

/// Whether what was loaded is as old as the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// The batch can be decided.
    All,
    /// The log has moved on: follow it first.
    Behind,
}

/// What was loaded for a batch so far.
#[derive(Debug, Default)]
pub(super) struct Loading {
    pub(super) unloadable: Unloadable,
    streams: usize,
    /// Queries since a unit was decided last.
    rounds: usize,
}

/// Streams that were loaded and could not be read.
#[derive(Debug, Default)]
pub(super) struct Unloadable(HashSet<StreamId>);

impl Unloadable {
    pub(super) fn has_any(&self, streams: &[StreamId]) -> bool {
        streams.iter().any(|stream| self.0.contains(stream))
    }
}

impl Loading {
    /// The batch has loaded as many streams as one may.
    pub(super) fn is_full(&self) -> bool {
        self.streams >= LOADED_PER_BATCH
    }

    pub(super) fn unit_is_decided(&mut self) {
        self.rounds = 0;
    }
}

impl Writer {
    /// Loads the streams that the next unit needs, and with the same query those that the units behind it need.
    pub(super) async fn load_for(
        &mut self,
        units: &VecDeque<Unit<Waiting>>,
        loading: &mut Loading,
    ) -> Result<Loaded, log::Error> {
        let Some(next) = units.front() else { return Ok(Loaded::All) };
        if loading.rounds == MAX_LOAD_ROUNDS * next.members().len() {
            let missing = self.missing([next], &loading.unloadable);
            tracing::error!(streams = ?missing, "a command still lacks streams after they were loaded");
            loading.unloadable.0.extend(missing);
            return Ok(Loaded::All);
        }
        let missing = self.missing(units, &loading.unloadable);
        loading.rounds += 1;
        loading.streams += missing.len();
        self.load(missing, &mut loading.unloadable).await
    }

    /// Streams that the units need and that are not in memory, about as many as a batch may load: the commands are decided
    /// without effect.
    fn missing<'a>(
        &self,
        units: impl IntoIterator<Item = &'a Unit<Waiting>>,
        unloadable: &Unloadable,
    ) -> HashSet<StreamId> {
        let mut missing = HashSet::new();
        for waiting in units.into_iter().flat_map(Unit::members) {
            if let Err(MissingStreams(streams)) = desk::decide(&waiting.request, &Reader::new(&self.world)) {
                missing.extend(streams.into_iter().filter(|stream| !unloadable.0.contains(stream)));
            }
            if missing.len() >= LOADED_PER_BATCH {
                break;
            }
        }
        missing
    }

    async fn fold(&self, names: &[StreamId], shape: i64) -> Result<Folds, log::Error> {
        let mut folds = Folds::new(names, self.end.head);
        self.log.load(names, shape, |piece| folds.take(piece)).await?;
        Ok(folds)
    }

    async fn load(&mut self, streams: HashSet<StreamId>, unloadable: &mut Unloadable) -> Result<Loaded, log::Error> {
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
            match fold.readable {
                true => self.world.put(stream, fold.slot),
                false => drop(unloadable.0.insert(stream)),
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
