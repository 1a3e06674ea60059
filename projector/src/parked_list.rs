//! The parked streams of all generations: what `projector parked list` shows.

use chrono::{DateTime, SecondsFormat, Utc};
use platform::config::Secret;
use sqlx::{FromRow, PgConnection};

use crate::store::{self, StoreError, run};

/// Maximum number of streams that are listed.
const LISTED_MAX: i64 = 1_000;

/// A parked stream.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ParkedStatus {
    projection: String,
    generation: i32,
    stream_id: String,
    position: i64,
    reason: String,
    parked_at: DateTime<Utc>,
}

/// The parked streams, oldest first.
pub async fn list(database_url: &Secret) -> Result<Vec<ParkedStatus>, StoreError> {
    let mut connection = store::connect(database_url).await?;
    run("reading parked streams", select(&mut connection)).await
}

async fn select(connection: &mut PgConnection) -> sqlx::Result<Vec<ParkedStatus>> {
    sqlx::query_as(
        "select projection, generation, stream_id, position, reason, parked_at from parked_streams
         order by parked_at, position limit $1",
    )
    .bind(LISTED_MAX)
    .fetch_all(connection)
    .await
}

impl std::fmt::Display for ParkedStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ParkedStatus { projection, generation, stream_id, position, reason, parked_at } = self;
        let since = parked_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "{projection} generation {generation}  {stream_id}  at position {position} since {since}: {reason}")
    }
}
