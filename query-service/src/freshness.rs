//! How fresh answers are: what `database::watch` found out last, for headers and for `GET /v1/freshness`.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use events::Position;
use platform::json::Json;
use platform::openapi::{Operation, Routes};
use platform::problem::Problem;
use read_model::Projection;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::asked::Asked;
use crate::database::Freshness;
use crate::incarnations::Incarnations;
use crate::problems;
use crate::serve::App;

/// What is known now. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Current(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    incarnations: RwLock<Incarnations>,
    log_end: RwLock<Option<Position>>,
}

/// What one look at the database that is read found out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Snapshot {
    /// When.
    pub at: DateTime<Utc>,
    /// Which database is read: `replica` or `primary`.
    pub source: &'static str,
    /// End of the log, as far as known.
    pub head: Position,
    /// Up to here everything is on its way to the projections.
    pub relayed: Position,
    /// The replica, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<Replica>,
    /// Every projection.
    pub projections: Vec<Standing>,
}

/// How the replica stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replica {
    /// Whether it answers.
    pub answers: bool,
    /// How far it is behind the primary; missing while that is unknown, because one of the two cannot be seen.
    #[serde(rename = "lag_ms", serialize_with = "as_ms", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub lag: Option<Duration>,
}

/// How late a projection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Events between what is applied and the end of the log, of any kind.
    pub events: u64,
    /// How long the oldest event that is not applied has waited.
    pub time: Duration,
}

/// How a projection stands, in the database that is read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Standing {
    /// Which.
    #[serde(serialize_with = "as_name")]
    #[schemars(with = "String")]
    pub projection: Projection,
    /// Up to here everything is applied; may be less than the truth, never more.
    pub applied: Position,
    /// Events between there and the end of the log, of any kind; missing while that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_events: Option<u64>,
    /// How long the oldest event that is not applied has waited; missing while the replica is read and the primary cannot be
    /// seen, so that nobody knows what the replica lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<u64>,
    /// As both.
    #[serde(skip)]
    pub lag: Option<Lag>,
    /// Streams that wait because an event could not be applied.
    pub parked_streams: i64,
    /// Partition by partition.
    pub partitions: Vec<PartitionStanding>,
    /// [`Standing::lag`] as a header.
    #[serde(skip)]
    lag_header: Option<HeaderValue>,
}

/// How one partition of a projection stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PartitionStanding {
    /// Its number.
    pub partition: i32,
    /// The last event sent to it.
    pub sent: Position,
    /// The last event of it that is applied.
    pub applied: Position,
}

impl Current {
    /// Replaces what was known.
    pub fn publish(&self, snapshot: Snapshot) {
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(snapshot));
    }

    /// Nothing is known any more.
    pub fn forget(&self) {
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is known, if anything.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lag of a projection for the header `Projection-Lag-Ms`; `None` while it is unknown.
    pub fn lag_header(&self, projection: Projection) -> Option<HeaderValue> {
        let known = self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref()?.of(projection)?.lag_header.clone()
    }

    /// Takes note of the incarnations of the log, as some database has them; one that is behind knows nothing new.
    pub fn learn(&self, incarnations: &Incarnations) {
        if self.incarnations().current() < incarnations.current() {
            self.0.incarnations.write().unwrap_or_else(PoisonError::into_inner).clone_from(incarnations);
        }
    }

    /// The incarnations of the log. Do not hold on to them.
    pub fn incarnations(&self) -> RwLockReadGuard<'_, Incarnations> {
        self.0.incarnations.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether [`Current::incarnations`] are those of a database that answers, so that none can have begun unnoticed.
    pub fn knows_the_incarnation(&self) -> bool {
        self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The primary was seen with this end of the log, or can no longer be seen.
    pub fn log_ends(&self, at: Option<Position>) {
        *self.0.log_end.write().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// End of the log when the primary was last seen; `None` while it cannot be seen.
    pub fn log_end(&self) -> Option<Position> {
        *self.0.log_end.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// One projection.
    pub fn of(&self, projection: Projection) -> Option<&Standing> {
        self.projections.iter().find(|standing| standing.projection == projection)
    }
}

impl Standing {
    /// As seen in `freshness`.
    pub fn new(projection: Projection, lag: Option<Lag>, parked: i64, freshness: &Freshness) -> Standing {
        let partitions = freshness.sent.iter().map(|(partition, sent)| PartitionStanding {
            partition: partition.number,
            sent: *sent,
            applied: freshness.checkpoints.get(partition).map_or(Position::ZERO, |checkpoint| checkpoint.position),
        });
        Standing {
            projection,
            applied: freshness.applied(),
            lag_events: lag.map(|lag| lag.events),
            lag_ms: lag.map(|lag| whole_ms(lag.time)),
            lag,
            parked_streams: parked,
            partitions: partitions.collect(),
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

/// The query for it.
pub fn documents() -> Routes<App> {
    let show = Operation::new("show_freshness", "How fresh answers are")
        .answers::<Snapshot>(200, "What is known now.", &[])
        .refuses([(400, "invalid-query"), (400, "invalid-consistency-token"), (503, "freshness-unknown")]);
    Routes::about("freshness", "How far the answers are behind the log.").get("/v1/freshness", self::show, show)
}

/// `GET /v1/freshness`
pub async fn show(State(app): State<App>, _: Asked) -> Result<Json<Arc<Snapshot>>, Problem> {
    app.current.snapshot().map(Json).ok_or_else(problems::freshness_unknown)
}
