//! Reads the log: its identity, what Kafka did not bring, and the events of one stream.

use chrono::{DateTime, Utc};
use events::{Category, Incarnation, LogId, Metadata, Position, Recorded, StreamId, Version};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

#[derive(FromRow)]
struct Row {
    incarnation: i32,
    position: i64,
    stream_id: String,
    version: i32,
    event_type: String,
    schema_version: i16,
    payload: String,
    metadata: Option<Json<Metadata>>,
    command_id: Option<Uuid>,
    recorded_at: DateTime<Utc>,
}

impl Row {
    fn recorded(self) -> sqlx::Result<Recorded> {
        let stream = self.stream_id.parse().map_err(|invalid| sqlx::Error::Decode(Box::new(invalid)))?;
        Ok(Recorded {
            incarnation: Incarnation(self.incarnation),
            position: Position(self.position),
            stream,
            version: Version(self.version),
            event_type: self.event_type,
            schema_version: self.schema_version,
            payload: self.payload,
            metadata: self.metadata.map(|metadata| metadata.0).unwrap_or_default(),
            command_id: self.command_id,
            recorded_at: self.recorded_at,
        })
    }
}

/// Which log this is.
pub async fn find_id(connection: &mut PgConnection) -> sqlx::Result<LogId> {
    sqlx::query_scalar("select id from log_identity").fetch_one(connection).await.map(LogId)
}

/// The next `limit` events of a category after `after`, up to and with `upto`, in order.
pub async fn list_events(
    connection: &mut PgConnection,
    category: Category,
    after: Position,
    upto: Position,
    limit: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select incarnation, position, stream_id, version, event_type, schema_version, payload::text as payload, metadata,
             command_id, recorded_at
         from events
         where position > $1 and position <= $2 and starts_with(stream_id, $3)
         order by position
         limit $4",
    )
    .bind(after.0)
    .bind(upto.0)
    .bind(format!("{category}-"))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::recorded).collect()
}

/// The next `limit` events of a stream from position `from` on, in order.
pub async fn list_stream(
    connection: &mut PgConnection,
    stream: &StreamId,
    from: Position,
    limit: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select incarnation, position, stream_id, version, event_type, schema_version, payload::text as payload, metadata,
             command_id, recorded_at
         from events
         where stream_id = $1 and position >= $2
         order by version
         limit $3",
    )
    .bind(stream.as_str())
    .bind(from.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::recorded).collect()
}
