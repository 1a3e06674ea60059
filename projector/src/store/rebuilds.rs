//! The rebuilds of generations, in tables `projection_rebuilds` and `projection_rebuild_segments`.

use std::collections::BTreeMap;

use events::{LogPosition, Position};
use read_model::Generation;
use sqlx::{FromRow, PgConnection};

use crate::scan::Segment;

/// A row of `projection_rebuilds`.
#[derive(Debug, Clone, FromRow)]
pub struct RebuildRow {
    /// Position up to which the log is read.
    pub upto: i64,
    /// Number of partitions of the topic.
    pub partitions: i32,
    /// Whether the rebuild waits.
    pub paused: bool,
    /// Maximum number of events per second; 0 for no limit.
    pub throttle: i64,
    /// Number of segments.
    pub segments: i64,
    /// Number of segments that are done.
    pub segments_done: i64,
    /// Number of events in the segments that are done.
    pub events: i64,
}

/// Adds a rebuild with its segments.
pub async fn insert(
    connection: &mut PgConnection,
    generation: Generation,
    upto: Position,
    partitions: i32,
    segments: &[Segment],
) -> sqlx::Result<()> {
    sqlx::query(
        "with rebuild as (
             insert into projection_rebuilds (projection, generation, upto, partitions) values ($1, $2, $3, $4)
         )
         insert into projection_rebuild_segments (projection, generation, segment, first_stream, end_stream)
         select $1, $2, s.segment, s.first_stream, s.end_stream
         from unnest($5::text[], $6::text[]) with ordinality as s (first_stream, end_stream, segment)",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(upto.0)
    .bind(partitions)
    .bind(segments.iter().map(|it| it.first.as_str()).collect::<Vec<_>>())
    .bind(segments.iter().map(|it| it.end.as_str()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(|_| ())
}

/// A rebuild with its progress.
pub async fn find(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Option<RebuildRow>> {
    sqlx::query_as(
        "select r.upto, r.partitions, r.paused, r.throttle, count(s.segment) as segments, count(s.done_at) as segments_done,
             coalesce(sum(s.events), 0)::bigint as events
         from projection_rebuilds r join projection_rebuild_segments s using (projection, generation)
         where projection = $1 and generation = $2
         group by r.projection, r.generation",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_optional(connection)
    .await
}

/// The segments that are not done, with their numbers.
pub async fn list_open(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Vec<(i32, Segment)>> {
    let rows: Vec<(i32, String, String)> = sqlx::query_as(
        "select segment, first_stream, end_stream from projection_rebuild_segments
         where projection = $1 and generation = $2 and done_at is null
         order by segment",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(number, first, end)| (number, Segment { first, end })).collect())
}

/// Marks a segment as done; call it in the transaction that writes the rows of the segment.
pub async fn finish_segment(
    connection: &mut PgConnection,
    generation: Generation,
    segment: i32,
    events: u64,
    last: &BTreeMap<i32, LogPosition>,
) -> sqlx::Result<()> {
    let positions: BTreeMap<i32, (i32, i64)> =
        last.iter().map(|(partition, at)| (*partition, (at.incarnation.0, at.position.0))).collect();
    sqlx::query(
        "update projection_rebuild_segments set done_at = now(), events = $4, positions = $5::json
         where projection = $1 and generation = $2 and segment = $3",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(segment)
    .bind(events as i64)
    .bind(serde_json::to_string(&positions).unwrap_or_default())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Sets the checkpoint of each partition to its last event in the rebuilt part of the log.
pub async fn write_checkpoints(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<()> {
    sqlx::query(
        "with last as (
             select p.key::int as partition, max((p.value->>1)::bigint) as position
             from projection_rebuild_segments s, json_each(s.positions) as p
             where s.projection = $1 and s.generation = $2
             group by 1
         )
         insert into projection_checkpoints
             (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
         select $1, $2, $3, l.partition, 1, e.incarnation, l.position, e.recorded_at
         from last l join events e on e.position = l.position
         on conflict (projection, generation, category, partition) do nothing",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(generation.projection.category().as_str())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Pauses or resumes a rebuild; `false` if there is none.
pub async fn set_paused(connection: &mut PgConnection, generation: Generation, paused: bool) -> sqlx::Result<bool> {
    let updated = sqlx::query("update projection_rebuilds set paused = $3 where projection = $1 and generation = $2")
        .bind(generation.projection.name())
        .bind(generation.number)
        .bind(paused)
        .execute(connection)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Sets the maximum number of events per second; 0 for no limit.
pub async fn set_throttle(connection: &mut PgConnection, generation: Generation, throttle: i64) -> sqlx::Result<()> {
    sqlx::query("update projection_rebuilds set throttle = $3 where projection = $1 and generation = $2")
        .bind(generation.projection.name())
        .bind(generation.number)
        .bind(throttle)
        .execute(connection)
        .await
        .map(|_| ())
}
