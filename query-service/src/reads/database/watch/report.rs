//! The freshness report of the databases that serve reads: of each projection, what all of them contain.

use std::sync::Arc;
use std::time::Duration;

use events::{LogPosition, Position};
use read_model::Projection;

use crate::reads::database::freshness::Freshness;
use crate::reads::database::probe::{Observation, ObservedProjection};
use crate::reads::latest::{Lag, PartitionProgress, ProjectionFreshness};

/// A projection, in the database in which it is furthest behind; `None` if no database was observed. `source_lag` is the largest
/// lag of these databases behind the primary, if it is known.
pub(super) fn least_fresh(
    projection: Projection,
    observations: &[Arc<Observation>],
    head: LogPosition,
    source_lag: Option<Duration>,
) -> Option<ProjectionFreshness> {
    let of_projection = |it: &&ObservedProjection| it.freshness.is_of(projection);
    let observed = observations.iter().filter_map(|it| Some((it, it.projections.iter().find(of_projection)?)));
    let (observation, observed) = observed.min_by_key(|(_, observed)| observed.freshness.applied())?;
    Some(projection_freshness(observed, observation, head, source_lag))
}

/// The lag of a projection is the age of the oldest event that it lacks; on a replica it is at least the lag of the replica.
fn projection_freshness(
    observed: &ObservedProjection,
    observation: &Observation,
    head: LogPosition,
    source_lag: Option<Duration>,
) -> ProjectionFreshness {
    let applied = observed.freshness.applied();
    let age = observed.behind_since.map(|since| (observation.at - since).to_std().unwrap_or_default());
    let events = u64::try_from(head.position.0.saturating_sub(applied.0)).unwrap_or(0);
    let lag = source_lag.map(|source_lag| Lag { events, time: age.unwrap_or_default().max(source_lag) });
    let partitions = partition_progress(&observed.freshness);
    ProjectionFreshness::new(observed.freshness.projection, applied, lag, observed.parked_streams, partitions)
}

fn partition_progress(freshness: &Freshness) -> Vec<PartitionProgress> {
    let partitions = freshness.sent.iter().map(|(partition, sent)| PartitionProgress {
        partition: partition.number,
        sent: *sent,
        applied: freshness.checkpoints.get(partition).map_or(Position::ZERO, |checkpoint| checkpoint.position),
    });
    partitions.collect()
}
