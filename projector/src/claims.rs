//! The partitions that this worker holds, and what is only true while it does: how far each has come, and which streams
//! wait.

use std::collections::{BTreeMap, HashSet};

use events::{LogPosition, StreamId};

/// A partition that this worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Number of the claim. A later one, by whomever, ends this one.
    pub epoch: i64,
    /// The last event applied.
    pub reached: LogPosition,
}

/// Every partition that this worker holds.
#[derive(Debug, Default)]
pub struct Claims {
    partitions: BTreeMap<i32, Claim>,
    parked: HashSet<StreamId>,
}

impl Claims {
    /// Takes partitions over, with the streams of the projection that wait.
    pub fn take(&mut self, claims: impl IntoIterator<Item = (i32, Claim)>, parked: HashSet<StreamId>) {
        self.partitions.extend(claims);
        self.parked = parked;
    }

    /// Forgets everything: it may not be true any more.
    pub fn clear(&mut self) {
        *self = Claims::default();
    }

    /// The claim on a partition.
    pub fn get(&self, partition: i32) -> Option<Claim> {
        self.partitions.get(&partition).copied()
    }

    /// Every claim, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (i32, Claim)> + '_ {
        self.partitions.iter().map(|(partition, claim)| (*partition, *claim))
    }

    /// Notes what was applied.
    pub fn advance(&mut self, partition: i32, reached: LogPosition) {
        if let Some(claim) = self.partitions.get_mut(&partition) {
            claim.reached = reached;
        }
    }

    /// Notes that a stream waits.
    pub fn park(&mut self, stream: StreamId) {
        self.parked.insert(stream);
    }

    /// Whether a stream waits.
    pub fn is_parked(&self, stream: &StreamId) -> bool {
        self.parked.contains(stream)
    }

    /// How many streams wait.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }
}
