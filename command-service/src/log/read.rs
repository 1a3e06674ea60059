//! Reading the log: positions are gapless and in commit order, so a cursor is one position.

use std::sync::Arc;

use events::{Incarnation, LogPosition, Position, Recorded};
use sqlx::Row;
use sqlx::postgres::{PgExecutor, PgRow};

use super::end::End;
use super::error::Error;
use super::page::Page;
use super::row::{recorded, unreadable};
use super::{Log, Store};
use crate::database::during;

impl Log {
    /// The current incarnation and last position of the log.
    pub async fn head(&self) -> Result<LogPosition, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.head()),
        };
        let (incarnation, position) = sqlx::query_as::<_, (i32, i64)>("select incarnation, position from log_head")
            .fetch_one(pool)
            .await
            .map_err(during("reading the head of the log"))?;
        Ok(LogPosition { incarnation: Incarnation(incarnation), position: Position(position) })
    }

    /// The current end of the log.
    pub async fn end(&self) -> Result<End, Error> {
        let head = self.head().await?;
        if head.position == Position::ZERO {
            return Ok(End::empty(head.incarnation));
        }
        // The log may have grown since the head was read: the event at the position of that head is the one to return.
        let last = self.read_after(Position(head.position.0 - 1), 1).await?.pop();
        match last.filter(|last| last.position == head.position) {
            Some(last) => Ok(End { head, last: Some(Arc::new(last)) }),
            None => Err(Error::Row(format!("there is no event at position {}, the head", head.position))),
        }
    }

    /// Whether the log ends there, with that event.
    pub async fn ends_at(&self, end: &End) -> Result<bool, Error> {
        let page = self.read_page(end.before_last(), 1).await?;
        Ok(page.head == end.head && end.last.as_deref().is_none_or(|last| page.events.first() == Some(last)))
    }

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
            .map_err(during("reading events from the log"))?;
        rows.iter().map(recorded).collect()
    }

    /// The head of the log and at most `limit` events after a position, in order, read at one instant.
    pub async fn read_page(&self, after: Position, limit: i64) -> Result<Page, Error> {
        match &self.0 {
            Store::Postgres(pool) => read_page(pool, after, limit).await,
            Store::Memory(memory) => Ok(memory.read_page(after, limit)),
        }
    }
}

pub(super) async fn read_page(executor: impl PgExecutor<'_>, after: Position, limit: i64) -> Result<Page, Error> {
    const READ_PAGE: &str = "
        select h.incarnation as head_incarnation, h.position as head_position, e.position, e.incarnation, e.stream_id,
            e.version, e.event_type, e.schema_version, e.payload::text, e.metadata::text, e.recorded_at, e.command_id
        from log_head h
        left join lateral (select * from events where position > $1 order by position limit $2) e on true
        order by e.position";
    let rows = sqlx::query(READ_PAGE)
        .bind(after.0)
        .bind(limit)
        .fetch_all(executor)
        .await
        .map_err(during("reading the head of the log and the events after a position"))?;
    let first = rows.first().ok_or_else(|| Error::Row("the log has no head".to_owned()))?;
    let head = LogPosition {
        incarnation: Incarnation(first.try_get("head_incarnation").map_err(unreadable)?),
        position: Position(first.try_get("head_position").map_err(unreadable)?),
    };
    // Without events there is one row that contains only the head.
    let is_event = |row: &&PgRow| !matches!(row.try_get::<Option<i64>, _>("position"), Ok(None));
    let events = rows.iter().filter(is_event).map(recorded).collect::<Result<_, _>>()?;
    Ok(Page { head, events })
}
