//! The partitions that a worker has claimed, with what holds only as long as the claims hold: the checkpoint of each
//! partition, the parked streams and the skipped events, and where the incarnations of the log ended.

use std::collections::{BTreeMap, HashSet};

use events::{LogPosition, StreamId};

use crate::ended_incarnations::EndedIncarnations;
use crate::skipped_events::SkippedEvents;

/// The claim of a worker on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Epoch of the claim. A claim with a higher epoch, by any worker, ends this claim.
    pub epoch: i64,
    /// Log position of the last event that was applied.
    pub checkpoint: LogPosition,
}

/// All partitions that a worker has claimed.
#[derive(Debug, Default)]
pub struct ClaimedPartitions {
    partitions: BTreeMap<i32, Claim>,
    parked: HashSet<StreamId>,
    ended: EndedIncarnations,
    skipped: SkippedEvents,
}

impl ClaimedPartitions {
    /// Adds claims and replaces the parked streams of the projection.
    pub fn add(&mut self, claims: impl IntoIterator<Item = (i32, Claim)>, parked: HashSet<StreamId>) {
        self.partitions.extend(claims);
        self.parked = parked;
    }

    /// Replaces the ends of the incarnations of the log.
    pub fn set_ended(&mut self, ended: EndedIncarnations) {
        self.ended = ended;
    }

    /// Where the incarnations of the log ended.
    pub fn ended(&self) -> &EndedIncarnations {
        &self.ended
    }

    /// Replaces the skipped events of the projection.
    pub fn set_skipped(&mut self, skipped: SkippedEvents) {
        self.skipped = skipped;
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = ClaimedPartitions::default();
    }

    /// The claim on a partition.
    pub fn get(&self, partition: i32) -> Option<Claim> {
        self.partitions.get(&partition).copied()
    }

    /// All claims with their partitions, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (i32, Claim)> + '_ {
        self.partitions.iter().map(|(partition, claim)| (*partition, *claim))
    }

    /// Moves the checkpoint of a partition.
    pub fn advance(&mut self, partition: i32, checkpoint: LogPosition) {
        if let Some(claim) = self.partitions.get_mut(&partition) {
            claim.checkpoint = checkpoint;
        }
    }

    /// Adds a parked stream.
    pub fn park(&mut self, stream: StreamId) {
        self.parked.insert(stream);
    }

    /// Whether a stream is parked.
    pub fn is_parked(&self, stream: &StreamId) -> bool {
        self.parked.contains(stream)
    }

    /// The skipped events.
    pub fn skipped(&self) -> &SkippedEvents {
        &self.skipped
    }

    /// Number of parked streams.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }
}
