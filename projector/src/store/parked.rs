//! The streams of a projection that wait: which, from where on, and how they are let go.

use std::collections::HashSet;

use events::{Position, StreamId, Version};
use read_model::{Projection, projection};
use sqlx::PgConnection;

/// A stream that waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// Its name, which a newer build may have given.
    pub stream_id: String,
    /// Position from which on it waits.
    pub position: i64,
    /// Its partition; unknown where an earlier release parked it.
    pub partition: Option<i32>,
    /// Why it waits.
    pub reason: String,
}

/// Whether this session alone tries parked streams, until it ends. Does not wait.
pub async fn try_lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtext('retry-parked'))").fetch_one(connection).await
}

/// The streams of a projection that wait, or only `stream`, in the order of the events that they wait with.
pub async fn list(
    connection: &mut PgConnection,
    projection: Projection,
    stream: Option<&StreamId>,
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as(
        "select stream_id, position, partition, reason from parked_streams
         where projection = $1 and generation = $2 and ($3::text is null or stream_id = $3)
         order by position",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(stream.map(StreamId::as_str))
    .fetch_all(connection)
    .await
}

/// How far a partition has come; without one, the partition that has come furthest.
pub async fn find_checkpoint(
    connection: &mut PgConnection,
    projection: Projection,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    const FIND: &str = "
        select coalesce(max(position), 0) from projection_checkpoints
        where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)";
    read_checkpoint(FIND, connection, projection, partition).await
}

/// The same, and keeps it there until the transaction ends. Without a partition all are locked, in the order in which everybody
/// locks them.
pub async fn lock_checkpoint(
    connection: &mut PgConnection,
    projection: Projection,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    const LOCK: &str = "
        with locked as (
            select position from projection_checkpoints
            where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)
            order by partition
            for update
        )
        select coalesce(max(position), 0) from locked";
    read_checkpoint(LOCK, connection, projection, partition).await
}

async fn read_checkpoint(
    query: &'static str,
    connection: &mut PgConnection,
    projection: Projection,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    sqlx::query_scalar(query)
        .bind(projection.name())
        .bind(projection::GENERATION)
        .bind(projection.category().as_str())
        .bind(partition)
        .fetch_one(connection)
        .await
        .map(Position)
}

/// Ends the claim on a partition, or on all of them, so that its worker looks again at what is parked.
pub async fn end_claims(
    connection: &mut PgConnection,
    projection: Projection,
    partition: Option<i32>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update projection_checkpoints set epoch = epoch + 1
         where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(projection.category().as_str())
    .bind(partition)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Notes that a stream waits from another position on, and for which reason if there is a new one; `false` if it does not wait
/// where we think.
pub async fn advance(
    connection: &mut PgConnection,
    projection: Projection,
    stream: &StreamId,
    (from, to): (Position, Position),
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "update parked_streams set position = $5, reason = coalesce($6, reason)
         where projection = $1 and generation = $2 and stream_id = $3 and position = $4",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(stream.as_str())
    .bind(from.0)
    .bind(to.0)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Which of these streams, given with the versions up to which they are applied, have further events up to a position.
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

/// Lets streams go.
pub async fn release(
    connection: &mut PgConnection,
    projection: Projection,
    streams: &[&str],
) -> sqlx::Result<HashSet<String>> {
    let released: Vec<String> = sqlx::query_scalar(
        "delete from parked_streams where projection = $1 and generation = $2 and stream_id = any($3) returning stream_id",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(streams)
    .fetch_all(connection)
    .await?;
    Ok(released.into_iter().collect())
}
