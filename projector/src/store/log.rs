//! Reads the log: its identity, what Kafka did not bring, and the events of one stream. A read ends at a number of events and
//! of bytes, because one payload may be a million times as large as another.

use chrono::{DateTime, Utc};
use events::{Category, Incarnation, LogId, Metadata, Position, Recorded, StreamId, Version};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::batch::Arrival;

/// An event as the log has it.
#[derive(Debug)]
pub struct Logged {
    /// The event; without metadata where they cannot be read.
    pub event: Recorded,
    /// Why this build cannot read its metadata.
    pub unreadable: Option<String>,
}

impl Logged {
    /// The event as the next one of its partition.
    pub fn arrival(&self, partition: i32) -> Arrival<'_> {
        Arrival { partition, event: &self.event, unreadable: self.unreadable.as_deref() }
    }
}

/// How much is read at once.
#[derive(Debug, Clone, Copy)]
pub struct Portion {
    /// Events, at most.
    pub events: usize,
    /// The event with which the payloads reach so many bytes is the last one.
    pub bytes: usize,
}

/// What was read at once.
#[derive(Debug)]
pub struct Portioned {
    /// The events, in order.
    pub events: Vec<Logged>,
    /// Whether there may be more behind them.
    pub has_more: bool,
}

#[derive(FromRow)]
struct Row {
    incarnation: i32,
    position: i64,
    stream_id: String,
    version: i32,
    event_type: String,
    schema_version: i16,
    payload: String,
    metadata: Option<String>,
    command_id: Option<Uuid>,
    recorded_at: DateTime<Utc>,
}

impl Row {
    /// A stream whose name this build does not know fails the read: nothing could be parked under it.
    fn logged(self) -> sqlx::Result<Logged> {
        let stream: StreamId = self.stream_id.parse().map_err(|invalid| sqlx::Error::Decode(Box::new(invalid)))?;
        let (metadata, unreadable) = match self.metadata.map(|json| serde_json::from_str(&json)).transpose() {
            Ok(metadata) => (metadata.unwrap_or_default(), None),
            Err(error) => (Metadata::default(), Some(format!("line {}, column {}", error.line(), error.column()))),
        };
        let event = Recorded {
            incarnation: Incarnation(self.incarnation),
            position: Position(self.position),
            stream,
            version: Version(self.version),
            event_type: self.event_type,
            schema_version: self.schema_version,
            payload: self.payload,
            metadata,
            command_id: self.command_id,
            recorded_at: self.recorded_at,
        };
        Ok(Logged { event, unreadable })
    }
}

impl Portion {
    fn of(self, rows: Vec<Row>) -> sqlx::Result<Portioned> {
        let bytes: usize = rows.iter().map(|row| row.payload.len()).sum();
        let has_more = rows.len() >= self.events || bytes >= self.bytes;
        Ok(Portioned { events: rows.into_iter().map(Row::logged).collect::<sqlx::Result<_>>()?, has_more })
    }
}

/// Which log this is.
pub async fn find_id(connection: &mut PgConnection) -> sqlx::Result<LogId> {
    sqlx::query_scalar("select id from log_identity").fetch_one(connection).await.map(LogId)
}

/// The next events of a category after `after`, up to and with `upto`.
pub async fn list_events(
    connection: &mut PgConnection,
    category: Category,
    after: Position,
    upto: Position,
    portion: Portion,
) -> sqlx::Result<Portioned> {
    let rows: Vec<Row> = sqlx::query_as(
        "with recursive portion as (
             (select 1::bigint as number, octet_length(e.payload::text)::bigint as bytes, e.*
              from events e
              where e.position > $1 and e.position <= $2 and starts_with(e.stream_id, $3)
              order by e.position
              limit 1)
             union all
             select p.number + 1, p.bytes + octet_length(e.payload::text), e.*
             from portion p
             cross join lateral (
                 select * from events
                 where position > p.position and position <= $2 and starts_with(stream_id, $3)
                 order by position
                 limit 1
             ) as e
             where p.number < $4 and p.bytes < $5
         )
         select incarnation, position, stream_id, version, event_type, schema_version, payload::text as payload,
             metadata::text as metadata, command_id, recorded_at
         from portion
         order by position",
    )
    .bind(after.0)
    .bind(upto.0)
    .bind(format!("{category}-"))
    .bind(portion.events as i64)
    .bind(portion.bytes as i64)
    .fetch_all(connection)
    .await?;
    portion.of(rows)
}

/// The next events of a stream after version `after`, up to and with position `upto`.
pub async fn list_stream(
    connection: &mut PgConnection,
    stream: &StreamId,
    after: Version,
    upto: Position,
    portion: Portion,
) -> sqlx::Result<Portioned> {
    let rows: Vec<Row> = sqlx::query_as(
        "with recursive portion as (
             (select 1::bigint as number, octet_length(e.payload::text)::bigint as bytes, e.*
              from events e
              where e.stream_id = $1 and e.version > $2 and e.position <= $3
              order by e.version
              limit 1)
             union all
             select p.number + 1, p.bytes + octet_length(e.payload::text), e.*
             from portion p
             cross join lateral (
                 select * from events
                 where stream_id = $1 and version > p.version and position <= $3
                 order by version
                 limit 1
             ) as e
             where p.number < $4 and p.bytes < $5
         )
         select incarnation, position, stream_id, version, event_type, schema_version, payload::text as payload,
             metadata::text as metadata, command_id, recorded_at
         from portion
         order by version",
    )
    .bind(stream.as_str())
    .bind(after.0)
    .bind(upto.0)
    .bind(portion.events as i64)
    .bind(portion.bytes as i64)
    .fetch_all(connection)
    .await?;
    portion.of(rows)
}

/// Version of the last event of a stream before a position; 0 where there is none.
pub async fn find_version_before(
    connection: &mut PgConnection,
    stream: &StreamId,
    position: Position,
) -> sqlx::Result<Version> {
    // The parked event itself says it; without it the stream is gone through backwards.
    sqlx::query_scalar(
        "select coalesce(
             (select version - 1 from events where position = $2 and stream_id = $1),
             (select version from events where stream_id = $1 and position < $2 order by version desc limit 1),
             0)",
    )
    .bind(stream.as_str())
    .bind(position.0)
    .fetch_one(connection)
    .await
    .map(Version)
}
