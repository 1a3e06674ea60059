//! Loading the streams that a batch needs, each from its last snapshot on, in few queries: when one command lacks streams, the
//! streams that the commands after it lack are loaded with the same query.

use std::collections::{HashSet, VecDeque};

use events::StreamId;

use super::batch::Failure;
use super::fold::Folds;
use super::snapshots::{EVENTS_PER_SNAPSHOT, StreamSnapshot};
use super::submission::Group;
use super::unloadable::Unloadable;
use super::{Writer, decide};
use crate::log;
use crate::log::snapshot::NO_SHAPE;
use domain::reader::{MAX_LOAD_ROUNDS, MissingStreams, Reader};
use domain::state;

/// Streams that are loaded for one batch, about: some tenths of a second, and the memory that they take in addition to the streams
/// that are kept. Commands that need more streams are decided with the next batch.
const STREAMS_PER_BATCH: usize = 4_096;

/// What was loaded for a batch so far.
#[derive(Debug, Default)]
pub(super) struct Loading {
    pub(super) unloadable: Unloadable,
    streams: usize,
    /// Queries since a group was decided.
    rounds: usize,
}

impl Loading {
    /// Whether as many streams were loaded as one batch may load.
    pub(super) fn is_full(&self) -> bool {
        self.streams >= STREAMS_PER_BATCH
    }

    /// A group was decided.
    pub(super) fn next_group(&mut self) {
        self.rounds = 0;
    }
}

impl Writer {
    /// Loads the streams that the first group lacks, and with the same query those that the groups after it lack.
    pub(super) async fn load_for(
        &mut self,
        missing: Vec<StreamId>,
        groups: &VecDeque<Group>,
        loading: &mut Loading,
    ) -> Result<(), Failure> {
        let commands = groups.front().map_or(0, |group| group.members().len());
        if loading.rounds == MAX_LOAD_ROUNDS * commands {
            tracing::error!(streams = ?missing, "a command still lacks streams after they were loaded");
            loading.unloadable.add(missing);
            return Ok(());
        }
        let missing = self.add_missing(missing, groups, &loading.unloadable);
        loading.rounds += 1;
        loading.streams += missing.len();
        self.load(missing, &mut loading.unloadable).await
    }

    /// Adds the streams that the groups need and that are not in memory, up to about as many as a batch may load. The commands
    /// are decided without effect to find the streams, except the first command: it has just been decided.
    fn add_missing(
        &self,
        missing: Vec<StreamId>,
        groups: &VecDeque<Group>,
        unloadable: &Unloadable,
    ) -> HashSet<StreamId> {
        let mut missing = HashSet::from_iter(missing);
        for submission in groups.iter().flat_map(Group::members).skip(1) {
            let reader = Reader::new(&self.derived.world);
            if let Err(MissingStreams(streams)) = decide::apply_rules(&submission.request, &reader) {
                missing.extend(streams.into_iter().filter(|stream| !unloadable.contains(stream)));
            }
            if missing.len() >= STREAMS_PER_BATCH {
                break;
            }
        }
        missing
    }

    async fn fold(&self, names: &[StreamId], shape: i64) -> Result<Folds, log::Error> {
        let mut folds = Folds::new(names, self.follower.head());
        self.follower.log().load(names, shape, |item| folds.add(item)).await?;
        Ok(folds)
    }

    /// Loads streams into the world. Fails if the log has grown beyond the end that the world corresponds to.
    async fn load(&mut self, streams: HashSet<StreamId>, unloadable: &mut Unloadable) -> Result<(), Failure> {
        let names: Vec<StreamId> = streams.into_iter().collect();
        let mut folds = self.fold(&names, state::shape()).await?;
        if folds.unreadable_snapshot {
            folds = self.fold(&names, NO_SHAPE).await?;
        }
        if folds.behind {
            return Err(Failure::Overtaken);
        }
        for (stream, fold) in folds.streams {
            if let (Some(last), Some(state)) = (fold.last, &fold.slot.state)
                && fold.events >= EVENTS_PER_SNAPSHOT
            {
                let (version, state) = (fold.slot.version, state.clone());
                let (position, incarnation) = (last.position, last.incarnation);
                self.derived.snapshots.save(StreamSnapshot {
                    stream: stream.clone(),
                    version,
                    position,
                    incarnation,
                    state,
                });
            }
            match fold.readable {
                true => self.derived.world.put(stream, fold.slot),
                false => unloadable.add([stream]),
            }
        }
        Ok(())
    }
}
