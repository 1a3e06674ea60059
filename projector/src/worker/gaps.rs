//! The gaps of partitions: events that were not delivered and that are read from the log instead.

use std::collections::{BTreeMap, BTreeSet};

use events::Position;

/// The events of a partition up to and including `upto` are read from the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) upto: Position,
    /// The log was read up to this position.
    pub(super) scanned: Position,
    /// Whether the log must contain an event of the partition at `upto`. A message that does not name its log proves
    /// nothing.
    pub(super) is_proven: bool,
}

impl Gap {
    /// A gap up to an event that the log must contain.
    pub(super) fn proven(upto: Position) -> Gap {
        Gap { upto, scanned: Position::ZERO, is_proven: true }
    }

    /// A gap up to a position at which the log may have no event of the partition.
    pub(super) fn unproven(upto: Position) -> Gap {
        Gap { is_proven: false, ..Gap::proven(upto) }
    }
}

/// The gaps of all partitions.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    by_partition: BTreeMap<i32, Gap>,
}

impl Gaps {
    pub(super) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    pub(super) fn contains(&self, partition: i32) -> bool {
        self.by_partition.contains_key(&partition)
    }

    pub(super) fn first(&self) -> Option<(i32, Gap)> {
        self.by_partition.first_key_value().map(|(partition, gap)| (*partition, *gap))
    }

    /// Sets the gap of a partition.
    pub(super) fn set(&mut self, partition: i32, gap: Gap) {
        self.by_partition.insert(partition, gap);
    }

    /// Adds the gap of a partition, or extends the gap that the partition has.
    pub(super) fn extend(&mut self, partition: i32, gap: Gap) {
        let known = self.by_partition.entry(partition).or_insert(gap);
        known.upto = known.upto.max(gap.upto);
    }

    pub(super) fn remove(&mut self, partition: i32) {
        self.by_partition.remove(&partition);
    }

    /// Removes the gaps of partitions that are not assigned any more.
    pub(super) fn retain(&mut self, assigned: &BTreeSet<i32>) {
        self.by_partition.retain(|partition, _| assigned.contains(partition));
    }

    pub(super) fn clear(&mut self) {
        self.by_partition.clear();
    }
}
