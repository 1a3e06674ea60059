//! How the streams of a generation are written.

use events::{LogPosition, StreamId};
use read_model::Generation;

use crate::claimed_partitions::ClaimedPartitions;
use crate::frame::{ReadModel, WriteStatement, rows};
use crate::skipped_events::SkippedEvents;
use crate::store::months::Months;

/// How the streams of a generation are written.
pub(super) struct Writing<M> {
    pub(super) statement: WriteStatement<M>,
    pub(super) months: Months,
    /// No claims, and the skipped events.
    pub(super) unclaimed: ClaimedPartitions,
}

impl<M: ReadModel> Writing<M> {
    /// Writes a generation without these events.
    pub(super) fn new(generation: Generation, skipped: SkippedEvents) -> Writing<M> {
        let months = Months::of(rows::tables::<M>());
        let mut unclaimed = ClaimedPartitions::default();
        unclaimed.set_skipped(skipped);
        Writing { statement: WriteStatement::new(generation), months, unclaimed }
    }

    /// Skips one more event.
    pub(super) fn skip(&mut self, stream: StreamId, log_position: LogPosition) {
        let mut skipped = self.skipped().clone();
        skipped.add(stream, log_position);
        self.unclaimed.set_skipped(skipped);
    }

    /// The skipped events.
    pub(super) fn skipped(&self) -> &SkippedEvents {
        self.unclaimed.skipped()
    }
}
