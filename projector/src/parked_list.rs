//! The parked streams and the skipped events of all generations: what `projector parked list` and the HTTP API of operators
//! show.

use chrono::{DateTime, SecondsFormat, Utc};
use platform::config::Secret;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use crate::store::{self, StoreError, run};

/// Maximum number of streams or events that are listed.
const LISTED_MAX: i64 = 1_000;

/// A parked stream.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
pub struct ParkedStream {
    /// Name of the projection.
    pub projection: String,
    /// Number of the generation.
    pub generation: i32,
    /// Id of the stream.
    pub stream_id: String,
    /// Position of the first event that is not applied.
    pub position: i64,
    /// Reason why the event cannot be applied.
    pub reason: String,
    /// Instant at which the stream was parked.
    pub parked_at: DateTime<Utc>,
}

/// An event that an operator has skipped.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
pub struct SkippedEvent {
    /// Name of the projection.
    pub projection: String,
    /// Number of the generation.
    pub generation: i32,
    /// Id of the stream.
    pub stream_id: String,
    /// Position of the event.
    pub position: i64,
    /// Reason why the event could not be applied.
    pub failure: String,
    /// Who skipped the event.
    pub skipped_by: String,
    /// Why the event was skipped.
    pub reason: String,
    /// Instant at which the event was skipped.
    pub skipped_at: DateTime<Utc>,
    /// Instant at which the generation was removed; missing while it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<DateTime<Utc>>,
}

/// The parked streams of all projections or of one, oldest first.
pub async fn list(database_url: &Secret, projection: Option<&str>) -> Result<Vec<ParkedStream>, StoreError> {
    let mut connection = store::connect(database_url).await?;
    run("reading parked streams", select_parked(&mut connection, projection)).await
}

/// The skipped events of all projections or of one, latest first, with those of removed generations.
pub async fn list_skipped(database_url: &Secret, projection: Option<&str>) -> Result<Vec<SkippedEvent>, StoreError> {
    let mut connection = store::connect(database_url).await?;
    run("reading skipped events", select_skipped(&mut connection, projection)).await
}

async fn select_parked(connection: &mut PgConnection, projection: Option<&str>) -> sqlx::Result<Vec<ParkedStream>> {
    sqlx::query_as(
        "select projection, generation, stream_id, position, reason, parked_at from parked_streams
         where $1::text is null or projection = $1
         order by parked_at, position limit $2",
    )
    .bind(projection)
    .bind(LISTED_MAX)
    .fetch_all(connection)
    .await
}

async fn select_skipped(connection: &mut PgConnection, projection: Option<&str>) -> sqlx::Result<Vec<SkippedEvent>> {
    sqlx::query_as(
        "select projection, generation, stream_id, position, failure, skipped_by, reason, skipped_at, retired_at
         from skipped_events
         where $1::text is null or projection = $1
         order by skipped_at desc, position desc limit $2",
    )
    .bind(projection)
    .bind(LISTED_MAX)
    .fetch_all(connection)
    .await
}

impl std::fmt::Display for ParkedStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ParkedStream { projection, generation, stream_id, position, reason, parked_at } = self;
        let since = text(parked_at);
        write!(f, "{projection} generation {generation}  {stream_id}  at position {position} since {since}: {reason}")
    }
}

impl std::fmt::Display for SkippedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SkippedEvent { projection, generation, stream_id, position, failure, skipped_by, reason, .. } = self;
        let (at, retired) = (text(&self.skipped_at), self.retired_at.map_or("", |_| " (removed)"));
        write!(
            f,
            "{projection} generation {generation}{retired}  {stream_id}  position {position} skipped at {at} by \
             {skipped_by}: {reason} ({failure})"
        )
    }
}

fn text(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
