//! The latest observations of the databases, made by `database::watch` and shared by all readers: the freshness report, the
//! incarnations of the log, the end of the log, and the live generations of the projections.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use events::Position;
use read_model::Projection;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::reads::incarnations::Incarnations;

/// The latest observations. Cheap to clone; clones share their content.
#[derive(Debug, Clone, Default)]
pub struct Latest(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    report: RwLock<Option<Arc<FreshnessReport>>>,
    incarnations: RwLock<Incarnations>,
    log_end: RwLock<Option<Position>>,
    generations: RwLock<HashMap<Projection, i32>>,
}

/// How much of the log the projections contain, as observed in the databases that serve reads: what all of them contain.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FreshnessReport {
    /// Time of the observation.
    pub at: DateTime<Utc>,
    /// Which databases serve reads: `replica` (one or several) or `primary`.
    pub source: &'static str,
    /// Position of the last event in the log, as far as known.
    pub head: Position,
    /// The relay has published every event up to this position.
    pub relayed: Position,
    /// State of the replica; missing unless exactly one replica is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<ReplicaState>,
    /// State of every replica.
    pub replicas: Vec<ReplicaState>,
    /// Freshness of each projection.
    pub projections: Vec<ProjectionFreshness>,
    /// Largest lag of these databases behind the primary, with which they delay reads of the log.
    #[serde(skip)]
    pub source_lag: Option<Duration>,
}

/// State of a replica.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReplicaState {
    /// Name of the replica, as in metrics and health.
    pub name: &'static str,
    /// Whether the replica serves reads: it answers, and its lag is within the limit or there is no better database.
    pub serves_reads: bool,
    /// Whether the replica answers queries.
    pub answers: bool,
    /// Lag of the replica behind the primary, in milliseconds; missing while the replica or the primary cannot be reached.
    #[serde(rename = "lag_ms", serialize_with = "as_ms", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub lag: Option<Duration>,
}

/// Lag of a projection behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Events of any kind between the last applied event and the end of the log.
    pub events: u64,
    /// Age of the oldest event that is not applied.
    pub time: Duration,
}

/// Freshness of one projection, in the databases that serve reads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProjectionFreshness {
    /// Name of the projection.
    #[serde(serialize_with = "as_name")]
    #[schemars(with = "String")]
    pub projection: Projection,
    /// Every event up to this position is applied. A lower bound: more may be applied.
    pub applied: Position,
    /// Events of any kind between the last applied event and the end of the log; missing while the lag is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_events: Option<u64>,
    /// Age of the oldest event that is not applied, in milliseconds; missing while the lag is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<u64>,
    /// The lag in events and in time.
    #[serde(skip)]
    pub lag: Option<Lag>,
    /// Number of parked streams: streams whose next event could not be applied.
    pub parked_streams: i64,
    /// Progress of each partition.
    pub partitions: Vec<PartitionProgress>,
    /// The lag as a header value, prepared once for all responses.
    #[serde(skip)]
    lag_header: Option<HeaderValue>,
}

/// Progress of one partition of a projection.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PartitionProgress {
    /// Number of the partition.
    pub partition: i32,
    /// Position of the last event that the relay sent to the partition.
    pub sent: Position,
    /// Position of the last event of the partition that is applied.
    pub applied: Position,
}

impl Latest {
    /// Replaces the freshness report.
    pub fn publish(&self, report: FreshnessReport) {
        *self.0.report.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(report));
    }

    /// Removes the freshness report, because no database can be reached.
    pub fn clear(&self) {
        *self.0.report.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The freshness report; `None` while no database can be reached.
    pub fn report(&self) -> Option<Arc<FreshnessReport>> {
        self.0.report.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lag of a projection for the header `Projection-Lag-Ms`; `None` while the lag is unknown.
    pub fn lag_header(&self, projection: Projection) -> Option<HeaderValue> {
        let report = self.0.report.read().unwrap_or_else(PoisonError::into_inner);
        report.as_ref()?.of(projection)?.lag_header.clone()
    }

    /// The largest lag of several projections; `None` while one of them is unknown.
    pub fn lag_header_of_all(&self, projections: impl IntoIterator<Item = Projection>) -> Option<HeaderValue> {
        let report = self.report()?;
        let mut lags = projections.into_iter().map(|projection| report.of(projection)?.lag_ms);
        lags.try_fold(0, |largest, lag| Some(lag?.max(largest))).map(HeaderValue::from)
    }

    /// The lag of the log in the database that serves reads; `None` while it is unknown.
    pub fn log_lag_header(&self) -> Option<HeaderValue> {
        self.report()?.source_lag.map(|lag| HeaderValue::from(whole_ms(lag)))
    }

    /// Records the incarnations of the log as one database has them; a database that is behind is ignored.
    pub fn record_incarnations(&self, incarnations: &Incarnations) {
        if self.incarnations().current() < incarnations.current() {
            self.0.incarnations.write().unwrap_or_else(PoisonError::into_inner).clone_from(incarnations);
        }
    }

    /// The incarnations of the log. The guard blocks writers: drop it soon.
    pub fn incarnations(&self) -> RwLockReadGuard<'_, Incarnations> {
        self.0.incarnations.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether [`Latest::incarnations`] come from a database that can be reached, so that no incarnation began unnoticed.
    pub fn are_incarnations_certain(&self) -> bool {
        self.0.report.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Records the end of the log on the primary; `None` while the primary cannot be reached.
    pub fn record_log_end(&self, end: Option<Position>) {
        *self.0.log_end.write().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// Records the number of the live generation of each projection.
    pub fn record_generations(&self, live: HashMap<Projection, i32>) {
        *self.0.generations.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Number of the live generation of a projection when a database was last observed; `None` while it is unknown.
    pub fn generation(&self, projection: Projection) -> Option<i32> {
        self.0.generations.read().unwrap_or_else(PoisonError::into_inner).get(&projection).copied()
    }

    /// The end of the log on the primary; `None` while the primary cannot be reached.
    pub fn log_end(&self) -> Option<Position> {
        *self.0.log_end.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FreshnessReport {
    /// The freshness of one projection.
    pub fn of(&self, projection: Projection) -> Option<&ProjectionFreshness> {
        self.projections.iter().find(|it| it.projection == projection)
    }
}

impl ProjectionFreshness {
    /// The freshness of a projection; `lag` is `None` while the lag is unknown.
    pub fn new(
        projection: Projection,
        applied: Position,
        lag: Option<Lag>,
        parked_streams: i64,
        partitions: Vec<PartitionProgress>,
    ) -> ProjectionFreshness {
        ProjectionFreshness {
            projection,
            applied,
            lag_events: lag.map(|lag| lag.events),
            lag_ms: lag.map(|lag| whole_ms(lag.time)),
            lag,
            parked_streams,
            partitions,
            lag_header: lag.map(|lag| HeaderValue::from(whole_ms(lag.time))),
        }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn as_ms<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(whole_ms).serialize(serializer)
}

fn as_name<S: Serializer>(projection: &Projection, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(projection.name())
}
