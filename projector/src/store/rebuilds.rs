//! The rebuilds of generations, in tables `projection_rebuilds` and `projection_rebuild_segments`.

use std::collections::BTreeMap;

use events::{LogPosition, Position};
use read_model::Generation;
use sqlx::{FromRow, PgConnection};

use crate::frame::month::Month;
use crate::rebuild::selection::Selection;
use crate::rebuild::step::Step;

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
    /// Number of rows that were copied.
    pub rows: i64,
    /// The streams that are folded have an event from this position on.
    from_position: Option<i64>,
    /// The streams that are folded are those of these months.
    months: Option<Vec<String>>,
    /// Number of the generation whose rows are copied.
    pub copied_generation: Option<i32>,
}

impl RebuildRow {
    /// The streams that are folded.
    pub fn selection(&self) -> Selection {
        match (self.from_position, &self.months) {
            (Some(position), _) => Selection::Since(Position(position)),
            (None, Some(months)) => Selection::Months(months.iter().filter_map(|month| month.parse().ok()).collect()),
            (None, None) => Selection::All,
        }
    }
}

/// Adds a rebuild of some streams up to a position, which copies the rows of other streams from a generation.
pub async fn insert(
    connection: &mut PgConnection,
    generation: Generation,
    upto: Position,
    partitions: i32,
    selection: &Selection,
    copied: Option<Generation>,
) -> sqlx::Result<()> {
    let (from, months) = match selection {
        Selection::All => (None, None),
        Selection::Since(position) => (Some(position.0), None),
        Selection::Months(months) => (None, Some(months.iter().map(Month::to_string).collect::<Vec<_>>())),
    };
    sqlx::query(
        "insert into projection_rebuilds
             (projection, generation, upto, incarnation, partitions, from_position, months, copied_generation)
         values ($1, $2, $3, (select incarnation from events where position = $3), $4, $5, $6, $7)",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(upto.0)
    .bind(partitions)
    .bind(from)
    .bind(months)
    .bind(copied.map(|copied| copied.number))
    .execute(connection)
    .await
    .map(|_| ())
}

/// Adds steps to a rebuild.
pub async fn add_steps(connection: &mut PgConnection, generation: Generation, steps: &[Step]) -> sqlx::Result<()> {
    let steps: Vec<String> = steps.iter().map(|step| serde_json::to_string(step).unwrap_or_default()).collect();
    sqlx::query(
        "insert into projection_rebuild_segments (projection, generation, segment, step)
         select $1, $2, s.number + coalesce((
                 select max(segment) from projection_rebuild_segments where projection = $1 and generation = $2
             ), 0), s.step::json
         from unnest($3::text[]) with ordinality as s (step, number)",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(steps)
    .execute(connection)
    .await
    .map(|_| ())
}

/// A rebuild with its progress.
pub async fn find(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Option<RebuildRow>> {
    sqlx::query_as(
        "select r.upto, r.partitions, r.paused, r.throttle, count(s.segment) as segments, count(s.done_at) as segments_done,
             coalesce(sum(s.events), 0)::bigint as events, coalesce(sum(s.rows), 0)::bigint as rows, r.from_position,
             r.months, r.copied_generation
         from projection_rebuilds r join projection_rebuild_segments s using (projection, generation)
         where projection = $1 and generation = $2
         group by r.projection, r.generation",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_optional(connection)
    .await
}

/// The generation that is being built from rows of a generation, if any.
pub async fn find_copying(connection: &mut PgConnection, copied: Generation) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar(
        "select r.generation from projection_rebuilds r join projection_generations g using (projection, generation)
         where g.state = 'building' and projection = $1 and r.copied_generation = $2",
    )
    .bind(copied.projection.name())
    .bind(copied.number)
    .fetch_optional(connection)
    .await
}

/// The steps of a rebuild with their numbers, and whether each is done.
pub async fn list_steps(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Vec<(i32, Step, bool)>> {
    // Steps of an earlier release fold the streams between two ids.
    let rows: Vec<(i32, String, bool)> = sqlx::query_as(
        "select segment, coalesce(step, json_build_object('fold', json_build_object(
                 'ids', json_build_object('first', first_stream, 'end', end_stream))))::text, done_at is not null
         from projection_rebuild_segments
         where projection = $1 and generation = $2
         order by segment",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(segment, step, is_done)| {
            let step = serde_json::from_str(&step).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok((segment, step, is_done))
        })
        .collect()
}

/// What a step has done.
#[derive(Debug, Clone, Default)]
pub struct StepResult {
    /// Number of events that were read.
    pub events: u64,
    /// Number of rows that were copied.
    pub rows: u64,
    /// Last event of each partition.
    pub last: BTreeMap<i32, LogPosition>,
}

/// Marks a step as done; call it in the transaction that writes the rows of the step.
pub async fn finish_step(
    connection: &mut PgConnection,
    generation: Generation,
    number: i32,
    result: &StepResult,
) -> sqlx::Result<()> {
    let positions: BTreeMap<i32, (i32, i64)> =
        result.last.iter().map(|(partition, at)| (*partition, (at.incarnation.0, at.position.0))).collect();
    sqlx::query(
        "update projection_rebuild_segments set done_at = now(), events = $4, rows = $5, positions = $6::json
         where projection = $1 and generation = $2 and segment = $3",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(number)
    .bind(result.events as i64)
    .bind(result.rows as i64)
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
