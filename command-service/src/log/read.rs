//! Reading: positions are gapless and in commit order, so a cursor is a position and nothing more.

use chrono::{DateTime, Utc};
use events::{Incarnation, Metadata, Position, Recorded, StreamId, Version};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Error, Log};

impl Log {
    /// At most `limit` events after a position, in order.
    pub async fn read_after(&self, after: Position, limit: i64) -> Result<Vec<Recorded>, Error> {
        const READ_AFTER: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where position > $1 order by position limit $2";
        let rows = sqlx::query(READ_AFTER)
            .bind(after.0)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::database("reading the log"))?;
        rows.iter().map(recorded).collect()
    }

    /// At most `limit` events of one type after a position, in order.
    pub async fn read_type_after(&self, event_type: &str, after: Position, limit: i64) -> Result<Vec<Recorded>, Error> {
        const READ_TYPE_AFTER: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where position > $1 and event_type = $2 order by position limit $3";
        let rows = sqlx::query(READ_TYPE_AFTER)
            .bind(after.0)
            .bind(event_type)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::database("reading the log by type"))?;
        rows.iter().map(recorded).collect()
    }

    /// Every event of these streams, in order.
    pub async fn load(&self, streams: &[StreamId]) -> Result<Vec<Recorded>, Error> {
        const LOAD: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where stream_id = any($1) order by stream_id, version";
        let names: Vec<&str> = streams.iter().map(StreamId::as_str).collect();
        let rows =
            sqlx::query(LOAD).bind(names).fetch_all(&self.pool).await.map_err(Error::database("loading streams"))?;
        rows.iter().map(recorded).collect()
    }
}

/// An event from a row with the columns of [`Log::read_after`].
pub(super) fn recorded(row: &PgRow) -> Result<Recorded, Error> {
    let metadata: Option<&str> = row.try_get("metadata").map_err(unreadable)?;
    Ok(Recorded {
        incarnation: Incarnation(row.try_get("incarnation").map_err(unreadable)?),
        position: Position(row.try_get("position").map_err(unreadable)?),
        stream: row
            .try_get::<&str, _>("stream_id")
            .map_err(unreadable)?
            .parse()
            .map_err(|error: events::stream::InvalidStream| Error::Row(error.to_string()))?,
        version: Version(row.try_get("version").map_err(unreadable)?),
        event_type: row.try_get("event_type").map_err(unreadable)?,
        schema_version: row.try_get("schema_version").map_err(unreadable)?,
        payload: row.try_get("payload").map_err(unreadable)?,
        metadata: match metadata {
            Some(text) => serde_json::from_str(text).map_err(|error| Error::Row(error.to_string()))?,
            None => Metadata::default(),
        },
        command_id: row.try_get("command_id").map_err(unreadable)?,
        recorded_at: row.try_get::<DateTime<Utc>, _>("recorded_at").map_err(unreadable)?,
    })
}

fn unreadable(error: sqlx::Error) -> Error {
    Error::Row(error.to_string())
}
