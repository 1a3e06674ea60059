//! Reads the log: its identity, the events of a category, and the events of a stream. A page is limited in events and
//! in bytes, because payloads differ in size by a factor of a million.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::stream::InvalidStream;
use events::{Category, Incarnation, LogId, LogPosition, Metadata, Position, Recorded, StreamId, Version};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::next_event::NextEvent;

/// An event of the log.
#[derive(Debug)]
pub struct LoggedEvent {
    /// The event; its metadata is empty if this build cannot read the metadata.
    pub event: Recorded,
    /// Reason why this build cannot read the metadata, if it cannot.
    pub metadata_error: Option<String>,
}

impl LoggedEvent {
    /// The event as the next one of its partition.
    pub fn as_next(&self, partition: i32) -> NextEvent<'_> {
        NextEvent { partition, event: &self.event, metadata_error: self.metadata_error.as_deref() }
    }
}

/// An event of a stream whose id this build cannot parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("position {}: {invalid}", .position.0)]
pub struct UnknownStream {
    /// Position of the event.
    pub position: Position,
    /// The id of the stream.
    #[source]
    pub invalid: InvalidStream,
}

/// Consecutive events of the log, some of them of streams that this build does not know.
#[derive(Debug)]
pub struct Range {
    /// The events, in order.
    pub events: Vec<Result<LoggedEvent, UnknownStream>>,
    /// The range was read up to and including this position.
    pub end: Position,
}

/// A stream up to and including a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamAt {
    /// The stream.
    pub stream: StreamId,
    /// Version of the last event that is included.
    pub version: Version,
    /// Events that are included but not applied, because an operator has skipped them.
    pub skipped: BTreeSet<LogPosition>,
}

/// Limit of a page of events or messages.
#[derive(Debug, Clone, Copy)]
pub struct PageLimit {
    /// Maximum number of events.
    pub events: usize,
    /// The page ends with the event whose payload makes the page reach this number of bytes.
    pub bytes: usize,
}

/// A page of events.
#[derive(Debug)]
pub struct Page {
    /// The events, in order.
    pub events: Vec<LoggedEvent>,
    /// Whether the log may have more events after the page.
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
    /// Fails the read for a stream id that this build cannot parse, because the stream could not be parked.
    fn into_event(self) -> sqlx::Result<LoggedEvent> {
        self.parse().map_err(|unknown| sqlx::Error::Decode(Box::new(unknown)))
    }

    fn parse(self) -> Result<LoggedEvent, UnknownStream> {
        let position = Position(self.position);
        let stream: StreamId = self.stream_id.parse().map_err(|invalid| UnknownStream { position, invalid })?;
        let (metadata, metadata_error) = match self.metadata.map(|json| serde_json::from_str(&json)).transpose() {
            Ok(metadata) => (metadata.unwrap_or_default(), None),
            Err(error) => (Metadata::default(), Some(format!("line {}, column {}", error.line(), error.column()))),
        };
        let event = Recorded {
            incarnation: Incarnation(self.incarnation),
            position,
            stream,
            version: Version(self.version),
            event_type: self.event_type,
            schema_version: self.schema_version,
            payload: self.payload,
            metadata,
            command_id: self.command_id,
            recorded_at: self.recorded_at,
        };
        Ok(LoggedEvent { event, metadata_error })
    }
}

impl PageLimit {
    fn page(self, rows: Vec<Row>) -> sqlx::Result<Page> {
        let has_more = self.is_reached(&rows);
        Ok(Page { events: rows.into_iter().map(Row::into_event).collect::<sqlx::Result<_>>()?, has_more })
    }

    fn is_reached(self, rows: &[Row]) -> bool {
        let bytes: usize = rows.iter().map(|row| row.payload.len()).sum();
        rows.len() >= self.events || bytes >= self.bytes
    }
}

/// Position of the last event.
pub async fn find_head(connection: &mut PgConnection) -> sqlx::Result<Position> {
    sqlx::query_scalar("select position from log_head").fetch_one(connection).await.map(Position)
}

/// The identity of the log.
pub async fn find_id(connection: &mut PgConnection) -> sqlx::Result<LogId> {
    sqlx::query_scalar("select id from log_identity").fetch_one(connection).await.map(LogId)
}

/// The next events of a category after position `after`, up to and including position `upto`.
pub async fn list_events(
    connection: &mut PgConnection,
    category: Category,
    after: Position,
    upto: Position,
    limit: PageLimit,
) -> sqlx::Result<Page> {
    let rows: Vec<Row> = sqlx::query_as(
        "with recursive page as (
             (select 1::bigint as number, octet_length(e.payload::text)::bigint as bytes, e.*
              from events e
              where e.position > $1 and e.position <= $2
                  and (starts_with(e.stream_id, $3) or starts_with(e.stream_id, $6))
              order by e.position
              limit 1)
             union all
             select p.number + 1, p.bytes + octet_length(e.payload::text), e.*
             from page p
             cross join lateral (
                 select * from events
                 where position > p.position and position <= $2
                     and (starts_with(stream_id, $3) or starts_with(stream_id, $6))
                 order by position
                 limit 1
             ) as e
             where p.number < $4 and p.bytes < $5
         )
         select incarnation, position, stream_id, version, event_type, schema_version, payload::text as payload,
             metadata::text as metadata, command_id, recorded_at
         from page
         order by position",
    )
    .bind(after.0)
    .bind(upto.0)
    .bind(category.prefixes()[0])
    .bind(limit.events as i64)
    .bind(limit.bytes as i64)
    .bind(category.prefixes().get(1))
    .fetch_all(connection)
    .await?;
    limit.page(rows)
}

/// The next events after position `after`, up to and including position `upto`: those of a category, or all.
///
/// One scan of the whole range, where [`list_events`] searches event by event; but PostgreSQL reads up to `limit.events`
/// payloads even if fewer reach `limit.bytes`.
pub async fn list_range(
    connection: &mut PgConnection,
    category: Option<Category>,
    after: Position,
    upto: Position,
    limit: PageLimit,
) -> sqlx::Result<Range> {
    let prefixes = category.map_or(&[][..], Category::prefixes);
    let rows: Vec<Row> = sqlx::query_as(
        "select incarnation, position, stream_id, version, event_type, schema_version, payload, metadata, command_id,
             recorded_at
         from (
             select *, sum(octet_length(payload)) over (order by position rows unbounded preceding)
                 - octet_length(payload) as bytes_before
             from (
                 select incarnation, position, stream_id, version, event_type, schema_version,
                     payload::text as payload, metadata::text as metadata, command_id, recorded_at
                 from events
                 where position > $1 and position <= $2
                     and ($3::text is null or starts_with(stream_id, $3) or starts_with(stream_id, $4))
                 order by position
                 limit $5
             ) as scanned
         ) as counted
         where bytes_before < $6
         order by position",
    )
    .bind(after.0)
    .bind(upto.0)
    .bind(prefixes.first())
    .bind(prefixes.get(1))
    .bind(limit.events as i64)
    .bind(limit.bytes as i64)
    .fetch_all(connection)
    .await?;
    let last = rows.last().filter(|_| limit.is_reached(&rows));
    let end = last.map_or(upto, |last| Position(last.position));
    Ok(Range { events: rows.into_iter().map(Row::parse).collect(), end })
}

/// The next events of a stream after version `after`, up to and including position `upto`.
pub async fn list_stream(
    connection: &mut PgConnection,
    stream: &StreamId,
    after: Version,
    upto: Position,
    limit: PageLimit,
) -> sqlx::Result<Page> {
    let rows: Vec<Row> = sqlx::query_as(
        "with recursive page as (
             (select 1::bigint as number, octet_length(e.payload::text)::bigint as bytes, e.*
              from events e
              where e.stream_id = $1 and e.version > $2 and e.position <= $3
              order by e.version
              limit 1)
             union all
             select p.number + 1, p.bytes + octet_length(e.payload::text), e.*
             from page p
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
         from page
         order by version",
    )
    .bind(stream.as_str())
    .bind(after.0)
    .bind(upto.0)
    .bind(limit.events as i64)
    .bind(limit.bytes as i64)
    .fetch_all(connection)
    .await?;
    limit.page(rows)
}

/// The events of streams up to and including a version of each, by stream and version.
pub async fn list_streams(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoggedEvent>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select e.incarnation, e.position, e.stream_id, e.version, e.event_type, e.schema_version,
             e.payload::text as payload, e.metadata::text as metadata, e.command_id, e.recorded_at
         from unnest($1::text[], $2::int[]) as wanted (stream_id, version)
         cross join lateral (
             select * from events where events.stream_id = wanted.stream_id and events.version <= wanted.version
         ) as e
         order by e.stream_id, e.version",
    )
    .bind(streams.iter().map(|it| it.stream.as_str()).collect::<Vec<_>>())
    .bind(streams.iter().map(|it| it.version.0).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::into_event).collect()
}

/// Version of the last event of a stream before a position; 0 if there is none.
pub async fn find_version_before(
    connection: &mut PgConnection,
    stream: &StreamId,
    position: Position,
) -> sqlx::Result<Version> {
    // The event at the position gives the version; without that event the stream is searched backwards.
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
