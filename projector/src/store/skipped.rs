//! The events that operators have skipped, in table `skipped_events`. The records outlive their generation.

use events::{Incarnation, LogPosition, Position, StreamId};
use read_model::Generation;
use sqlx::PgConnection;

use crate::skipped_events::SkippedEvents;

/// What is recorded of a skipped event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// The stream of the event.
    pub stream: &'a StreamId,
    /// Log position of the event.
    pub log_position: LogPosition,
    /// Reason why the event could not be applied.
    pub failure: &'a str,
    /// Who skipped the event.
    pub by: &'a str,
    /// Why the event was skipped.
    pub reason: &'a str,
}

/// The skipped events of a generation.
pub async fn list(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<SkippedEvents> {
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(
        "select stream_id, incarnation, position from skipped_events
         where projection = $1 and generation = $2 and retired_at is null",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_all(connection)
    .await?;
    let skipped = rows.into_iter().filter_map(|(stream, incarnation, position)| {
        let log_position = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
        Some((stream.parse().ok()?, log_position))
    });
    Ok(skipped.collect())
}

/// Records a skipped event.
pub async fn insert(
    connection: &mut PgConnection,
    generation: Generation,
    Record { stream, log_position, failure, by, reason }: Record<'_>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into skipped_events
             (projection, generation, stream_id, incarnation, position, failure, skipped_by, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (projection, generation, stream_id, incarnation, position) where retired_at is null do nothing",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(stream.as_str())
    .bind(log_position.incarnation.0)
    .bind(log_position.position.0)
    .bind(failure)
    .bind(by)
    .bind(reason)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Ends the records of a generation that is removed: a later generation may get the same number.
pub async fn retire(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<()> {
    sqlx::query(
        "update skipped_events set retired_at = now()
         where projection = $1 and generation = $2 and retired_at is null",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .execute(connection)
    .await
    .map(|_| ())
}
