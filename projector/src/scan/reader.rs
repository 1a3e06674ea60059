//! Reads the events of a segment from the log, by stream and version, in the binary format of `COPY`.

use bytes::{Buf, Bytes, BytesMut};
use events::{Incarnation, Metadata, Position, Recorded, StreamId, Version};
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::config::Secret;
use sqlx::{AssertSqlSafe, PgConnection};

use super::plan::Segment;
use crate::frame::binary::{self, HEADER};
use crate::store::log::LoggedEvent;
use crate::store::{self, StoreError};

/// The events of a segment. Generic plans of other connections are not affected by its settings.
pub struct EventReader<'c> {
    chunks: BoxStream<'c, sqlx::Result<Bytes>>,
    data: BytesMut,
    has_header: bool,
    /// The stream of the last event, so that its id is parsed once.
    stream: Option<StreamId>,
}

/// Settings for the connection of a reader: the events are read in the order of the index by stream and version.
const SETTINGS: &str = "set enable_seqscan = off; set enable_bitmapscan = off; set enable_mergejoin = off;
    set enable_hashjoin = off; set max_parallel_workers_per_gather = 0; set statement_timeout = 0";

/// Connects to the database that the log is read from.
pub async fn connect(url: &Secret) -> Result<PgConnection, StoreError> {
    let mut connection = store::connect_to_read(url).await?;
    let prepared = async { sqlx::raw_sql(SETTINGS).execute(&mut connection).await.map(|_| ()) };
    store::run("preparing the connection to the log", prepared).await?;
    Ok(connection)
}

impl<'c> EventReader<'c> {
    /// Begins to read the events of a segment up to a position.
    pub async fn open(
        connection: &'c mut PgConnection,
        segment: &Segment,
        upto: Position,
    ) -> sqlx::Result<EventReader<'c>> {
        // The events of a range are never sorted. The ids of changed streams are, before their events are read.
        let (sort, order) = match segment {
            Segment::Ids { .. } => ("set enable_sort = off", "e.stream_id"),
            Segment::Streams(_) => ("set enable_sort = on", "e.stream_id"),
            Segment::Changed { .. } => ("set enable_sort = on", "changed.stream_id"),
        };
        sqlx::raw_sql(sort).execute(&mut *connection).await?;
        // In the binary format, JSON is its text.
        let copy = format!(
            "copy (
                 select e.stream_id, incarnation, position, version, event_type, schema_version, payload, metadata, recorded_at
                 from {} order by {order}, version
             ) to stdout with (format binary)",
            events_of(segment, upto)
        );
        let chunks = connection.copy_out_raw(&copy).await?;
        Ok(EventReader { chunks, data: BytesMut::new(), has_header: false, stream: None })
    }

    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> sqlx::Result<Option<LoggedEvent>> {
        loop {
            if !self.has_header && self.data.len() >= HEADER.len() {
                self.data.advance(HEADER.len());
                self.has_header = true;
            }
            if self.has_header
                && let Some(row) = binary::split_row(&mut self.data).filter(|row| row.len() > 2)
            {
                return self.event(&row).map(Some);
            }
            match self.chunks.next().await {
                Some(chunk) => self.data.extend_from_slice(&chunk?),
                None => return Ok(None),
            }
        }
    }

    fn event(&mut self, row: &[u8]) -> sqlx::Result<LoggedEvent> {
        let fields = binary::fields(row);
        let [Some(stream), incarnation, position, version, event_type, schema_version, payload, metadata, recorded_at] =
            fields[..]
        else {
            return Err(invalid("row"));
        };
        let stream = self.stream(text(Some(stream))?)?;
        let (metadata, metadata_error) = match metadata.map(serde_json::from_slice).transpose() {
            Ok(metadata) => (metadata.unwrap_or_default(), None),
            Err(error) => (Metadata::default(), Some(format!("line {}, column {}", error.line(), error.column()))),
        };
        let event = Recorded {
            incarnation: Incarnation(int(incarnation)?),
            position: Position(big_int(position)?),
            stream,
            version: Version(int(version)?),
            event_type: text(event_type)?.to_owned(),
            schema_version: small_int(schema_version)?,
            payload: text(payload)?.to_owned(),
            metadata,
            command_id: None,
            recorded_at: binary::read_instant(big_int(recorded_at)?).ok_or_else(|| invalid("recorded_at"))?,
        };
        Ok(LoggedEvent { event, metadata_error })
    }

    fn stream(&mut self, id: &str) -> sqlx::Result<StreamId> {
        if let Some(stream) = self.stream.as_ref().filter(|stream| stream.as_str() == id) {
            return Ok(stream.clone());
        }
        let stream: StreamId = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(self.stream.insert(stream).clone())
    }
}

/// The ids of the streams of a segment with events up to a position, in order.
pub async fn list_streams(
    connection: &mut PgConnection,
    segment: &Segment,
    upto: Position,
) -> sqlx::Result<Vec<String>> {
    let select = format!("select distinct e.stream_id from {} order by 1", events_of(segment, upto));
    // Safe because the ids in the text are quoted.
    sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(connection).await
}

/// The positions of the events of a stream up to a position, in order.
pub async fn list_positions(
    connection: &mut PgConnection,
    stream: &StreamId,
    upto: Position,
) -> sqlx::Result<Vec<Position>> {
    let positions: Vec<i64> =
        sqlx::query_scalar("select position from events where stream_id = $1 and position <= $2 order by version")
            .bind(stream.as_str())
            .bind(upto.0)
            .fetch_all(connection)
            .await?;
    Ok(positions.into_iter().map(Position).collect())
}

/// The events `e` of a segment up to a position.
fn events_of(segment: &Segment, upto: Position) -> String {
    match segment {
        Segment::Streams(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
            format!("events e where stream_id in ({}) and position <= {upto}", ids.join(", "))
        }
        Segment::Ids { first, end } => {
            let (first, end) = (quoted(first), quoted(end));
            format!("events e where stream_id >= {first} and stream_id < {end} and position <= {upto}")
        }
        // The event before the first one since a position has the version before, and an earlier position. With `offset 0`,
        // the positions are read first, then the events of each stream; otherwise, all events might be read.
        Segment::Changed { prefix, since, first, end } => format!(
            "(select stream_id from (
                 select c.stream_id from events c
                 where c.position >= {first} and c.position < {end} and starts_with(c.stream_id, {})
                     and not exists (
                         select from events b
                         where b.stream_id = c.stream_id and b.version = c.version - 1 and b.position >= {since}
                     )
                 offset 0
             ) ids order by stream_id) changed cross join lateral (
                 select * from events where events.stream_id = changed.stream_id and events.position <= {upto} offset 0
             ) e",
            quoted(prefix)
        ),
    }
}

fn text(field: Option<&[u8]>) -> sqlx::Result<&str> {
    field.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(|| invalid("text"))
}

fn small_int(field: Option<&[u8]>) -> sqlx::Result<i16> {
    field.and_then(|bytes| bytes.try_into().ok()).map(i16::from_be_bytes).ok_or_else(|| invalid("number"))
}

fn int(field: Option<&[u8]>) -> sqlx::Result<i32> {
    field.and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes).ok_or_else(|| invalid("number"))
}

fn big_int(field: Option<&[u8]>) -> sqlx::Result<i64> {
    field.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes).ok_or_else(|| invalid("number"))
}

fn invalid(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("PostgreSQL sent an unexpected {what} in binary COPY").into())
}

/// A literal. `COPY` takes no parameters; ids of streams contain neither quotes nor backslashes.
fn quoted(id: &str) -> String {
    format!("'{}'", id.replace('\'', "''"))
}
