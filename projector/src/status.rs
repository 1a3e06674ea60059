//! The state of all generations, and the reports of their verifications: what `projector status` and the HTTP API of
//! operators show.

use chrono::{DateTime, Utc};
use platform::config::Secret;
use read_model::Projection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, PgConnection};

use crate::store::{self, StoreError, run};

/// The state of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, FromRow)]
pub struct GenerationStatus {
    /// Name of the projection.
    pub projection: String,
    /// Number of the generation.
    pub generation: i32,
    /// Version of its fold and tables.
    pub version: i32,
    /// `building`, `following`, `live` or `retained`.
    pub state: String,
    /// Number of published events of its topic's partitions that are not applied, at most: the difference of positions.
    pub behind: i64,
    /// Number of parked streams.
    pub parked_streams: i64,
    /// Whether the generation contains events that the log does not contain.
    pub ahead_of_log: bool,
    /// Number of months whose tables are detached.
    pub detached_months: i64,
    /// Number of archived months.
    pub archived_months: i64,
    /// Number of events that operators have skipped.
    pub skipped_events: i64,
    /// Position of the log up to which the generation was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_position: Option<i64>,
    /// Number of rows that differed in the last verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<i64>,
    /// Number of segments of the log that its rebuild reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<i64>,
    /// Number of segments that are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_done: Option<i64>,
    /// Whether its rebuild is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// The state of all generations, by projection and number.
pub async fn list(database_url: &Secret) -> Result<Vec<GenerationStatus>, StoreError> {
    let mut connection = store::connect(database_url).await?;
    run("reading the state of the generations", select(&mut connection)).await
}

async fn select(connection: &mut PgConnection) -> sqlx::Result<Vec<GenerationStatus>> {
    sqlx::query_as(
        "select g.projection, g.generation, g.version, g.state, g.verified_position, g.differences,
             coalesce((
                 select max(s.position - c.position)
                 from projection_checkpoints c
                 join relay_partitions s on s.category = c.category and s.partition = c.partition
                 where c.projection = g.projection and c.generation = g.generation and s.position > c.position
             ), 0) as behind,
             (select count(*) from parked_streams p
                 where p.projection = g.projection and p.generation = g.generation) as parked_streams,
             exists (
                 select from projection_checkpoints c
                 where c.projection = g.projection and c.generation = g.generation and c.position > 0
                     and not exists (
                         select from events e where e.position = c.position and e.incarnation = c.incarnation
                     )
             ) as ahead_of_log,
             -- Without the tables that a rebuild or a restore is filling.
             (select count(distinct right(c.relname, 7)) from pg_class c
                 where c.relnamespace = to_regnamespace(g.projection || '_' || g.generation) and g.state <> 'building'
                     and c.relkind = 'r' and not c.relispartition and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
                     and not exists (select from archived_months a
                         where a.projection = g.projection and a.generation = g.generation
                             and to_char(a.month, 'YYYY_MM') = right(c.relname, 7))) as detached_months,
             (select count(*) from archived_months a
                 where a.projection = g.projection and a.generation = g.generation) as archived_months,
             (select count(*) from skipped_events e
                 where e.projection = g.projection and e.generation = g.generation and e.retired_at is null)
                 as skipped_events,
             (select count(*) from projection_rebuild_segments s
                 where s.projection = g.projection and s.generation = g.generation and g.state = 'building'
                 having count(*) > 0) as segments,
             (select count(s.done_at) from projection_rebuild_segments s
                 where s.projection = g.projection and s.generation = g.generation and g.state = 'building'
                 having count(*) > 0) as segments_done,
             (select r.paused from projection_rebuilds r
                 where r.projection = g.projection and r.generation = g.generation and g.state = 'building') as paused
         from projection_generations g
         order by g.projection, g.generation",
    )
    .fetch_all(connection)
    .await
}

/// The report of the last verification of a generation, or of the generation that was verified last, with its instant. The
/// report is a [`crate::verify::Report`] as JSON.
pub async fn find_report(
    database_url: &Secret,
    projection: Projection,
    generation: Option<i32>,
) -> Result<Option<(DateTime<Utc>, Box<RawValue>)>, StoreError> {
    let mut connection = store::connect(database_url).await?;
    run("reading the report of a verification", select_report(&mut connection, projection, generation)).await
}

async fn select_report(
    connection: &mut PgConnection,
    projection: Projection,
    generation: Option<i32>,
) -> sqlx::Result<Option<(DateTime<Utc>, Box<RawValue>)>> {
    let found: Option<(DateTime<Utc>, String)> = sqlx::query_as(
        "select verified_at, report::text from projection_generations
         where projection = $1 and ($2::int is null or generation = $2) and report is not null
         order by verified_at desc limit 1",
    )
    .bind(projection.name())
    .bind(generation)
    .fetch_optional(connection)
    .await?;
    let parse =
        |(at, report)| Ok((at, RawValue::from_string(report).map_err(|error| sqlx::Error::Decode(error.into()))?));
    found.map(parse).transpose()
}

impl std::fmt::Display for GenerationStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verified = match (self.verified_position, self.differences) {
            (Some(position), Some(0)) if self.skipped_events > 0 => {
                format!("equals the log up to position {position} without {} skipped events", self.skipped_events)
            }
            (Some(position), Some(0)) => format!("equals the log up to position {position}"),
            (Some(position), Some(found)) => format!("{found} rows differ from the log at position {position}"),
            _ => "not verified".to_owned(),
        };
        let note = match (self.segments_done, self.segments, self.paused) {
            _ if self.ahead_of_log => format!("ahead of the log: run `projector repair {}`", self.projection),
            (Some(done), Some(segments), Some(true)) => format!("{done} of {segments} segments (paused)"),
            (Some(done), Some(segments), _) => format!("{done} of {segments} segments"),
            _ => verified,
        };
        let months =
            |count: i64, state: &str| if count > 0 { format!("; {count} months {state}") } else { String::new() };
        let absent = months(self.detached_months, "detached") + &months(self.archived_months, "archived");
        write!(
            f,
            "{:<20}{:>10}{:>9}  {:<11}{:>9}{:>8}  {note}{absent}",
            self.projection, self.generation, self.version, self.state, self.behind, self.parked_streams
        )
    }
}

/// The heading of a table of states.
pub const HEADING: &str = "PROJECTION          GENERATION  VERSION  STATE         BEHIND  PARKED  NOTE";
