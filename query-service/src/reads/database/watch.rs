//! Probes both databases all the time, chooses the one that serves reads, and publishes its freshness to `reads::latest`.
//!
//! [`replica_lag`] measures the lag of the replica; [`progress`] observes projections for readers who wait. While the primary
//! cannot be reached, the lag of the replica is unknown and is not reported.

mod progress;
mod replica_lag;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::{LogPosition, Position};
use metrics::Gauge;
use platform::health::{Component, Health};
use platform::metric_names::{QUERY_PROJECTION_LAG_EVENTS, QUERY_PROJECTION_LAG_SECONDS, QUERY_REPLICA_LAG_SECONDS};
use platform::shutdown::Shutdown;
use read_model::Projection;

use super::failure::Failure;
use super::freshness::Freshness;
use super::probe::{Observation, ObservedProjection, Probe};
use super::routing::Database;
use super::source::Source;
use crate::reads::latest::{FreshnessReport, Lag, PartitionProgress, ProjectionFreshness, ReplicaState};
use replica_lag::ReplicaLag;

/// While a replica serves reads, the primary is probed this many times less often, to spare it the load.
const PRIMARY_INTERVAL_FACTOR: u32 = 5;

/// Probes until the service stops.
pub async fn watch(database: Database, interval: Duration, health: Health, shutdown: Shutdown) {
    let watch = Arc::new(Watch {
        replica_lag: Mutex::default(),
        readable: health.component("database"),
        replica_lag_gauge: metrics::gauge!(QUERY_REPLICA_LAG_SECONDS),
        database,
    });
    watch.report_replica_lag();
    let has_replica = watch.database.replica().is_some();
    let primary_interval = if has_replica { interval * PRIMARY_INTERVAL_FACTOR } else { interval };
    let watching = async {
        tokio::join!(
            watch.clone().watch_primary(primary_interval),
            watch.clone().watch_replica(interval),
            progress::observe_while_readers_wait(&watch.database),
        );
    };
    shutdown.unless_requested(watching).await;
}

struct Watch {
    database: Database,
    replica_lag: Mutex<ReplicaLag>,
    /// Up while at least one database answers.
    readable: Component,
    replica_lag_gauge: Gauge,
}

impl Watch {
    async fn watch_primary(self: Arc<Self>, interval: Duration) {
        let primary = self.database.primary();
        let mut probe = Probe::new(primary);
        loop {
            self.probe(primary, &mut probe).await;
            tokio::time::sleep(interval).await;
        }
    }

    async fn watch_replica(self: Arc<Self>, interval: Duration) {
        let Some(replica) = self.database.replica() else { return };
        let mut probe = Probe::new(replica);
        loop {
            self.probe(replica, &mut probe).await;
            tokio::time::sleep(interval).await;
        }
    }

    /// Probes one database once and records the result.
    async fn probe(&self, source: &Source, probe: &mut Probe) {
        match probe.observe().await {
            Ok(observation) => self.observed(source, observation),
            Err(failure) => self.failed(source, &failure),
        }
        match self.database.route().next() {
            Some(_) => self.readable.up(),
            None => {
                self.readable.down("neither the replica nor the primary answers");
                self.database.latest().clear();
                Projection::ALL.into_iter().for_each(|projection| report_lag(projection, None));
            }
        }
    }

    fn observed(&self, source: &Source, observation: Observation) {
        let latest = self.database.latest();
        latest.record_incarnations(&observation.incarnations);
        let (now, head) = (Instant::now(), observation.head);
        let newest_head = {
            let mut replica_lag = self.replica_lag();
            if self.is_primary(source) {
                replica_lag.record_primary(head, observation.wal, now);
            } else {
                source.set_lag(replica_lag.of((head.incarnation, observation.wal), now));
            }
            replica_lag.head().map_or(head, |on_primary| on_primary.max(head))
        };
        source.up();
        if self.is_primary(source) {
            latest.record_log_end(Some(head.position));
        } else {
            self.report_replica_lag();
        }
        if self.database.route().next().is_some_and(|preferred| std::ptr::eq(preferred, source)) {
            self.publish(source, &observation, newest_head);
        }
    }

    fn failed(&self, source: &Source, failure: &Failure) {
        source.down(failure);
        if self.is_primary(source) {
            self.database.latest().record_log_end(None);
        }
        self.report_replica_lag();
    }

    fn is_primary(&self, source: &Source) -> bool {
        std::ptr::eq(source, self.database.primary())
    }

    fn replica_lag(&self) -> MutexGuard<'_, ReplicaLag> {
        self.replica_lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lag of a database behind the primary; `None` while that database or the primary cannot be reached.
    fn lag_of(&self, source: &Source) -> Option<Duration> {
        let was_primary_probed = || self.replica_lag().head().is_some();
        let is_known = source.answers() && self.database.primary().answers() && was_primary_probed();
        is_known.then(|| source.lag())
    }

    /// Sets the gauge of the replica's lag; NaN while the lag is unknown.
    fn report_replica_lag(&self) {
        let Some(replica) = self.database.replica() else { return };
        self.replica_lag_gauge.set(self.lag_of(replica).map_or(f64::NAN, |lag| lag.as_secs_f64()));
    }

    fn publish(&self, source: &Source, observation: &Observation, head: LogPosition) {
        let lag = self.lag_of(source);
        let projections = observation.projections.iter();
        let projections: Vec<_> = projections.map(|it| projection_freshness(it, observation, head, lag)).collect();
        projections.iter().for_each(|it| report_lag(it.projection, it.lag));
        let replica = self.database.replica();
        let replica = replica.map(|replica| ReplicaState { answers: replica.answers(), lag: self.lag_of(replica) });
        let generations =
            observation.projections.iter().filter_map(|it| Some((it.freshness.projection, it.freshness.generation?)));
        self.database.latest().record_generations(generations.collect());
        let relayed = observation.projections.first().map_or(Position::ZERO, |it| it.freshness.relay.position);
        self.database.latest().publish(FreshnessReport {
            at: observation.at,
            source: source.name.as_str(),
            head: head.position,
            relayed,
            replica,
            projections,
            source_lag: lag,
        });
    }
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

/// Sets the gauges of a projection's lag; NaN while the lag is unknown.
fn report_lag(projection: Projection, lag: Option<Lag>) {
    let name = projection.name();
    let (events, seconds) = lag.map_or((f64::NAN, f64::NAN), |lag| (lag.events as f64, lag.time.as_secs_f64()));
    metrics::gauge!(QUERY_PROJECTION_LAG_EVENTS, "projection" => name).set(events);
    metrics::gauge!(QUERY_PROJECTION_LAG_SECONDS, "projection" => name).set(seconds);
}
