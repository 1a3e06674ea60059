//! The parked streams of a generation, in table `parked_streams`.

use std::collections::HashSet;

use events::{Position, StreamId, Version};
use read_model::Generation;
use sqlx::PgConnection;

use crate::store::command_lock;

/// A row of `parked_streams`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ParkedRow {
    /// Id of the stream; a newer build may have parked a stream whose id this build cannot parse.
    pub stream_id: String,
    /// Position of the first event that is not applied.
    pub position: i64,
    /// Partition of the stream; missing if an earlier release parked the stream.
    pub partition: Option<i32>,
    /// Reason why the stream is parked.
    pub reason: String,
}

/// Takes the lock that allows one session at a time to retry parked streams; `false` if another session has it.
pub async fn try_lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    command_lock::try_lock(connection, "parked retry", "").await
}

/// Ids of all parked streams of a generation.
pub async fn list_ids(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<HashSet<StreamId>> {
    let streams: Vec<String> =
        sqlx::query_scalar("select stream_id from parked_streams where projection = $1 and generation = $2")
            .bind(generation.projection.name())
            .bind(generation.number)
            .fetch_all(connection)
            .await?;
    Ok(streams.into_iter().filter_map(|stream| stream.parse().ok()).collect())
}

/// The parked streams of a generation, or only `stream`, by position.
pub async fn list(
    connection: &mut PgConnection,
    generation: Generation,
    stream: Option<&StreamId>,
) -> sqlx::Result<Vec<ParkedRow>> {
    sqlx::query_as(
        "select stream_id, position, partition, reason from parked_streams
         where projection = $1 and generation = $2 and ($3::text is null or stream_id = $3)
         order by position",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(stream.map(StreamId::as_str))
    .fetch_all(connection)
    .await
}

/// Parks a stream.
pub async fn insert(
    connection: &mut PgConnection,
    generation: Generation,
    stream: &StreamId,
    partition: i32,
    position: Position,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into parked_streams (projection, generation, stream_id, position, reason, parked_at, partition)
         values ($1, $2, $3, $4, $5, now(), $6)
         on conflict (projection, generation, stream_id) do nothing",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(stream.as_str())
    .bind(position.0)
    .bind(reason)
    .bind(partition)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Moves the position of a parked stream, and replaces the reason if there is a new one; `false` if the stream is not
/// parked at `from`.
pub async fn advance(
    connection: &mut PgConnection,
    generation: Generation,
    stream: &StreamId,
    (from, to): (Position, Position),
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "update parked_streams set position = $5, reason = coalesce($6, reason)
         where projection = $1 and generation = $2 and stream_id = $3 and position = $4",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(stream.as_str())
    .bind(from.0)
    .bind(to.0)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Those of the given streams that have events after the applied version, up to a position.
pub async fn list_behind(
    connection: &mut PgConnection,
    streams: &[&str],
    applied: &[Version],
    upto: Position,
) -> sqlx::Result<HashSet<String>> {
    let streams: Vec<String> = sqlx::query_scalar(
        "select s.stream_id
         from unnest($1::text[], $2::int[]) as s (stream_id, version)
         where exists (
             select from events e where e.stream_id = s.stream_id and e.version > s.version and e.position <= $3
         )",
    )
    .bind(streams)
    .bind(applied.iter().map(|version| version.0).collect::<Vec<_>>())
    .bind(upto.0)
    .fetch_all(connection)
    .await?;
    Ok(streams.into_iter().collect())
}

/// Removes streams from the parked streams and returns those that were parked.
pub async fn release(
    connection: &mut PgConnection,
    generation: Generation,
    streams: &[&str],
) -> sqlx::Result<HashSet<String>> {
    let released: Vec<String> = sqlx::query_scalar(
        "delete from parked_streams where projection = $1 and generation = $2 and stream_id = any($3) returning stream_id",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(streams)
    .fetch_all(connection)
    .await?;
    Ok(released.into_iter().collect())
}
