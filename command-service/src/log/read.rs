//! Reading: positions are gapless and in commit order, so a cursor is a position and nothing more.

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Metadata, Position, Recorded, Version};
use sqlx::Row;
use sqlx::postgres::{PgExecutor, PgRow};

use super::{Error, Log, Store};

/// What a writer has missed.
#[derive(Debug)]
pub struct Since {
    /// Where the log ends.
    pub head: LogPosition,
    /// The events up to there, or as many of them as were asked for.
    pub events: Vec<Recorded>,
}

impl Log {
    /// At most `limit` events after a position, in order.
    pub async fn read_after(&self, after: Position, limit: i64) -> Result<Vec<Recorded>, Error> {
        const READ_AFTER: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where position > $1 order by position limit $2";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.read_after(after, limit)),
        };
        let rows = sqlx::query(READ_AFTER)
            .bind(after.0)
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading the log"))?;
        rows.iter().map(recorded).collect()
    }

    /// Where the log ends, and at most `limit` events after a position, in order, as of one instant.
    pub async fn read_since(&self, after: Position, limit: i64) -> Result<Since, Error> {
        match &self.0 {
            Store::Postgres(pool) => read_since(pool, after, limit).await,
            Store::Memory(memory) => Ok(memory.read_since(after, limit)),
        }
    }
}

pub(super) async fn read_since(executor: impl PgExecutor<'_>, after: Position, limit: i64) -> Result<Since, Error> {
    const READ_SINCE: &str = "
        select h.incarnation as head_incarnation, h.position as head_position, e.position, e.incarnation, e.stream_id,
            e.version, e.event_type, e.schema_version, e.payload::text, e.metadata::text, e.recorded_at, e.command_id
        from log_head h
        left join lateral (select * from events where position > $1 order by position limit $2) e on true
        order by e.position";
    let rows = sqlx::query(READ_SINCE)
        .bind(after.0)
        .bind(limit)
        .fetch_all(executor)
        .await
        .map_err(Error::database("reading what the log has beyond a position"))?;
    let first = rows.first().ok_or_else(|| Error::Row("it has no head".to_owned()))?;
    let head = LogPosition {
        incarnation: Incarnation(first.try_get("head_incarnation").map_err(unreadable)?),
        position: Position(first.try_get("head_position").map_err(unreadable)?),
    };
    // Without events there is one row with a head and nothing else.
    let is_event = |row: &&PgRow| !matches!(row.try_get::<Option<i64>, _>("position"), Ok(None));
    let events = rows.iter().filter(is_event).map(recorded).collect::<Result<_, _>>()?;
    Ok(Since { head, events })
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

pub(super) fn unreadable(error: sqlx::Error) -> Error {
    Error::Row(error.to_string())
}
