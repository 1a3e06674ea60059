//! Probes all databases all the time, and publishes the freshness of those that serve reads to `reads::latest`.
//!
//! [`replica_lag`] measures the lag of replicas; [`report`] combines what the databases contain; [`progress`] observes
//! projections for readers who wait. While the primary cannot be reached, the lag of replicas is unknown and is not reported.

mod progress;
mod replica_lag;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::{LogPosition, Position};
use futures::future::join_all;
use platform::health::{Component, Health};
use platform::metric_names::{QUERY_PROJECTION_LAG_EVENTS, QUERY_PROJECTION_LAG_SECONDS, QUERY_REPLICA_LAG_SECONDS};
use platform::shutdown::Shutdown;
use read_model::Projection;

use super::failure::Failure;
use super::probe::{Observation, Probe};
use super::routing::Database;
use super::source::{Source, SourceName};
use crate::reads::latest::{FreshnessReport, Lag, ReplicaState};
use replica_lag::ReplicaLag;

/// While a replica serves reads, the primary is probed this many times less often, to spare it the load.
const PRIMARY_INTERVAL_FACTOR: u32 = 5;

/// Probes until the service stops.
pub async fn watch(database: Database, interval: Duration, health: Health, shutdown: Shutdown) {
    let watch = Watch {
        replica_lag: Mutex::default(),
        observations: Mutex::default(),
        readable: health.component("database"),
        database: database.clone(),
    };
    watch.report_replica_lags();
    let has_replicas = !database.replicas().is_empty();
    let primary_interval = if has_replicas { interval * PRIMARY_INTERVAL_FACTOR } else { interval };
    let watching = async {
        tokio::join!(
            watch.probe_repeatedly(database.primary(), primary_interval),
            join_all(database.replicas().iter().map(|replica| watch.probe_repeatedly(replica, interval))),
            progress::observe_while_readers_wait(&database),
        );
    };
    shutdown.unless_requested(watching).await;
}

struct Watch {
    database: Database,
    replica_lag: Mutex<ReplicaLag>,
    /// The last observation of each database that answers.
    observations: Mutex<HashMap<SourceName, Arc<Observation>>>,
    /// Up while at least one database serves reads.
    readable: Component,
}

impl Watch {
    async fn probe_repeatedly(&self, source: &Source, interval: Duration) {
        let mut probe = Probe::new(source);
        loop {
            self.probe(source, &mut probe).await;
            tokio::time::sleep(interval).await;
        }
    }

    /// Probes one database once and records the result.
    async fn probe(&self, source: &Source, probe: &mut Probe) {
        match probe.observe().await {
            Ok(observation) => self.observed(source, observation),
            Err(failure) => self.failed(source, &failure),
        }
        match self.database.serving().is_empty() {
            false => self.readable.up(),
            true => {
                self.readable.down("no database serves reads: none answers, or every replica is too far behind");
                self.database.latest().clear();
                Projection::ALL.into_iter().for_each(|projection| report_lag(projection, None));
            }
        }
    }

    fn observed(&self, source: &Source, observation: Observation) {
        let latest = self.database.latest();
        latest.record_incarnations(&observation.incarnations);
        let (now, head) = (Instant::now(), observation.head);
        {
            let mut replica_lag = self.replica_lag();
            if self.is_primary(source) {
                replica_lag.record_primary(head, observation.wal, now);
            } else {
                source.set_lag(replica_lag.of((head.incarnation, observation.wal), now));
            }
        }
        source.up();
        if self.is_primary(source) {
            latest.record_log_end(Some(head.position));
        }
        self.observations().insert(source.name, Arc::new(observation));
        self.report_replica_lags();
        let serving = self.database.serving();
        if serving.iter().any(|it| it.name == source.name) {
            self.publish(&serving);
        }
    }

    fn failed(&self, source: &Source, failure: &Failure) {
        source.down(failure);
        self.observations().remove(&source.name);
        if self.is_primary(source) {
            self.database.latest().record_log_end(None);
        }
        self.report_replica_lags();
    }

    fn is_primary(&self, source: &Source) -> bool {
        source.name == SourceName::Primary
    }

    fn replica_lag(&self) -> MutexGuard<'_, ReplicaLag> {
        self.replica_lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn observations(&self) -> MutexGuard<'_, HashMap<SourceName, Arc<Observation>>> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lag of a database behind the primary; `None` while that database or the primary cannot be reached.
    fn lag_of(&self, source: &Source) -> Option<Duration> {
        let was_primary_probed = || self.replica_lag().head().is_some();
        let is_known = source.answers() && self.database.primary().answers() && was_primary_probed();
        is_known.then(|| source.lag())
    }

    /// Sets the gauges of the lag of the replicas; NaN while a lag is unknown.
    fn report_replica_lags(&self) {
        for replica in self.database.replicas() {
            let lag = self.lag_of(replica).map_or(f64::NAN, |lag| lag.as_secs_f64());
            metrics::gauge!(QUERY_REPLICA_LAG_SECONDS, "replica" => replica.name.as_str()).set(lag);
        }
    }

    /// Publishes what the databases that serve reads contain.
    fn publish(&self, serving: &[&Source]) {
        let observations: Vec<Arc<Observation>> = {
            let observations = self.observations();
            serving.iter().filter_map(|source| observations.get(&source.name).cloned()).collect()
        };
        let Some(at) = observations.iter().map(|it| it.at).min() else { return };
        let observed_head = observations.iter().map(|it| it.head).max();
        let heads = [observed_head, self.replica_lag().head()];
        let head = heads.into_iter().flatten().max().unwrap_or(LogPosition::ZERO);
        let lag =
            serving.iter().map(|source| self.lag_of(source)).try_fold(Duration::ZERO, |max, lag| Some(lag?.max(max)));
        let freshness = Projection::ALL.into_iter();
        let projections: Vec<_> =
            freshness.filter_map(|projection| report::least_fresh(projection, &observations, head, lag)).collect();
        projections.iter().for_each(|it| report_lag(it.projection, it.lag));
        let replicas: Vec<ReplicaState> =
            self.database.replicas().iter().map(|it| self.state_of(it, serving)).collect();
        let relays = observations.iter().filter_map(|it| Some(it.projections.first()?.freshness.relay.position));
        let latest = self.database.latest();
        latest.record_generations(oldest_generations(&observations));
        latest.publish(FreshnessReport {
            at,
            source: if serving.iter().any(|source| self.is_primary(source)) { "primary" } else { "replica" },
            head: head.position,
            relayed: relays.min().unwrap_or(Position::ZERO),
            replica: if let [only] = &replicas[..] { Some(only.clone()) } else { None },
            replicas,
            projections,
            source_lag: lag,
        });
    }

    fn state_of(&self, replica: &Source, serving: &[&Source]) -> ReplicaState {
        ReplicaState {
            name: replica.name.as_str(),
            serves_reads: serving.iter().any(|source| source.name == replica.name),
            answers: replica.answers(),
            lag: self.lag_of(replica),
        }
    }
}

/// The live generation of each projection. While the databases differ, the one that was live first: a row of a later generation
/// may be cached as one of an earlier generation, but not the other way round.
fn oldest_generations(observations: &[Arc<Observation>]) -> HashMap<Projection, i32> {
    let mut oldest = HashMap::new();
    for observed in observations.iter().flat_map(|observation| &observation.projections) {
        let Some(generation) = observed.freshness.generation else { continue };
        let known = oldest.entry(observed.freshness.projection).or_insert(generation);
        *known = generation.min(*known);
    }
    oldest
}

/// Sets the gauges of a projection's lag; NaN while the lag is unknown.
fn report_lag(projection: Projection, lag: Option<Lag>) {
    let name = projection.name();
    let (events, seconds) = lag.map_or((f64::NAN, f64::NAN), |lag| (lag.events as f64, lag.time.as_secs_f64()));
    metrics::gauge!(QUERY_PROJECTION_LAG_EVENTS, "projection" => name).set(events);
    metrics::gauge!(QUERY_PROJECTION_LAG_SECONDS, "projection" => name).set(seconds);
}
