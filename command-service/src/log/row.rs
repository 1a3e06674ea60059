//! Decoding an event from a row of the table `events`.

use chrono::{DateTime, Utc};
use events::{Incarnation, Metadata, Position, Recorded, Version};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::Error;

/// An event from a row with the columns that [`Log::read_after`](super::Log::read_after) selects.
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

pub(super) fn unreadable(error: sqlx::Error) -> Error {
    Error::Row(error.to_string())
}
