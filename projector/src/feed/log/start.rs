//! Where a generation starts to follow the log: after the events that are applied in every partition.

use std::collections::BTreeMap;

use events::{Position, Source};
use read_model::Generation;
use sqlx::PgConnection;

use super::links::Links;
use crate::feed::error::FeedError;
use crate::store::relay::{self, Published};
use crate::store::{StatementTimeout, checkpoints, log};

/// Where a generation starts.
#[derive(Debug)]
pub(super) struct Start {
    /// The first event to deliver is after this position.
    pub(super) after: Position,
    /// Number of partitions of the category.
    pub(super) partitions: i32,
    pub(super) links: Links,
}

/// Finds where a generation starts. Fails if the log does not contain what the generation has applied: positions after
/// that would belong to other events.
pub(super) async fn find(
    connection: &mut PgConnection,
    timeout: StatementTimeout,
    generation: Generation,
) -> Result<Start, FeedError> {
    let category = generation.projection.category();
    let id = timeout.run("reading the identity of the log", log::find_id(connection)).await?;
    let published = relay::find_published(connection, category);
    let published = timeout.run("reading the checkpoint of the relay", published).await?;
    let applied = timeout.run("reading the checkpoints", checkpoints::list(connection, generation)).await?;
    let ahead = checkpoints::find_ahead_of_log(connection, generation);
    if let Some((partition, position)) = timeout.run("comparing the checkpoints with the log", ahead).await? {
        return Err(FeedError::AheadOfLog { partition, position });
    }
    let Some(last) = published.partitions.last_key_value().map(|(last, _)| *last) else {
        return Err(FeedError::NoPartitions(category));
    };
    let (after, previous) = start_after(&published, &applied);
    let links = previous.into_iter().map(|(partition, position)| (category, partition, position));
    Ok(Start { after, partitions: last + 1, links: Links::new(Source::Log(id), links) })
}

/// Position after which to start, and for every partition the position of the last event before that, or at least a
/// position that proves the same: no event of the partition after its checkpoint is skipped.
fn start_after(published: &Published, applied: &BTreeMap<i32, Position>) -> (Position, BTreeMap<i32, Position>) {
    let applied = |partition: &i32| applied.get(partition).copied().unwrap_or_default();
    let behind = published.partitions.iter().filter(|(partition, published)| applied(partition) < **published);
    let after = behind.map(|(partition, _)| applied(partition)).fold(published.relay.position, Position::min);
    let previous = published.partitions.iter().map(|(partition, last)| match *last <= after {
        true => (*partition, *last),
        // Events of the partition up to its checkpoint are delivered again, and skipped.
        false => (*partition, applied(partition).min(after)),
    });
    (after, previous.collect())
}

#[cfg(test)]
mod tests {
    use events::{Incarnation, LogPosition};

    use super::*;

    fn published(relay: i64, partitions: [i64; 3]) -> Published {
        let relay = LogPosition { incarnation: Incarnation(1), position: Position(relay) };
        Published { relay, partitions: (0..).zip(partitions.map(Position)).collect() }
    }

    fn start(relay: i64, sent: [i64; 3], applied: [i64; 3]) -> (i64, [i64; 3]) {
        let applied = (0..).zip(applied.map(Position)).collect();
        let (after, previous) = start_after(&published(relay, sent), &applied);
        (after.0, [0, 1, 2].map(|partition| previous[&partition].0))
    }

    #[test]
    fn a_generation_without_checkpoints_starts_at_the_beginning() {
        assert_eq!(start_after(&published(90, [7, 90, 0]), &BTreeMap::new()).0, Position(0));
        assert_eq!(start(90, [7, 90, 0], [0, 0, 0]), (0, [0, 0, 0]));
    }

    #[test]
    fn a_generation_that_has_applied_everything_starts_at_the_checkpoint_of_the_relay() {
        // The third partition never had an event, which must not make the start read the whole log.
        assert_eq!(start(90, [7, 88, 0], [7, 88, 0]), (90, [7, 88, 0]));
    }

    #[test]
    fn the_partition_that_is_furthest_behind_decides() {
        assert_eq!(start(90, [7, 88, 85], [7, 40, 60]), (40, [7, 40, 40]));
    }

    #[test]
    fn with_kafka_more_may_have_been_applied_than_the_relay_has_recorded() {
        assert_eq!(start(90, [7, 88, 85], [95, 88, 85]), (90, [7, 88, 85]));
    }
}
