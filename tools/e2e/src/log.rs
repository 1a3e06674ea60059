//! Reads the log for the checkers: the head, the events in order of positions, or the events stream by stream.
//!
//! The log only grows, so the events up to an earlier head are a consistent snapshot without a lock.

use anyhow::Context;
use chrono::{DateTime, Utc};
use events::{Category, Incarnation, LogId, Metadata, Position, Recorded, StreamId, Version};
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{Executor, Row};

/// Connections of the pool. Checkers run one after the other and use one connection at a time.
const CONNECTIONS: u32 = 2;

/// Events that one statement reads.
const PAGE: i64 = 5_000;

/// Connects with sessions that are read-only, independent of the privileges of the login.
pub async fn connect(url: &str) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute("set default_transaction_read_only = on").await?;
                Ok(())
            })
        })
        .connect(url)
        .await
        .context("connecting to the database")
}

/// Identity of the log.
pub async fn find_id(pool: &PgPool) -> anyhow::Result<LogId> {
    let id = sqlx::query_scalar("select id from log_identity").fetch_one(pool).await;
    id.map(LogId).context("reading the identity of the log")
}

/// Position of the last event in the log.
pub async fn head(pool: &PgPool) -> anyhow::Result<Position> {
    let head = sqlx::query_scalar("select position from log_head").fetch_one(pool).await;
    head.map(Position).context("reading the head of the log")
}

/// Number of placed orders.
pub async fn count_orders(pool: &PgPool) -> anyhow::Result<u64> {
    const COUNT: &str = "select count(*) from events where event_type = 'OrderPlaced'";
    let orders: i64 = sqlx::query_scalar(COUNT).fetch_one(pool).await.context("counting orders")?;
    Ok(orders as u64)
}

/// The events up to a position, page by page in order of positions.
#[derive(Debug)]
pub struct Pages {
    pool: PgPool,
    cursor: i64,
    until: Position,
}

impl Pages {
    /// All events up to `until`.
    pub fn until(pool: &PgPool, until: Position) -> Pages {
        Pages { pool: pool.clone(), cursor: 0, until }
    }

    /// The next page; empty at the end.
    pub async fn next(&mut self) -> anyhow::Result<Vec<Recorded>> {
        const READ: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where position > $1 and position <= $2 order by position limit $3";
        let query = sqlx::query(READ).bind(self.cursor).bind(self.until.0).bind(PAGE);
        let rows = query.fetch_all(&self.pool).await.context("reading the log")?;
        let page = rows.iter().map(recorded).collect::<anyhow::Result<Vec<_>>>()?;
        self.cursor = page.last().map_or(self.cursor, |last| last.position.0);
        Ok(page)
    }
}

/// The streams of a category, each with all events, page by page.
#[derive(Debug)]
pub struct Streams {
    pool: PgPool,
    like: String,
    cursor: (String, i32),
    incomplete: Vec<Recorded>,
}

impl Streams {
    /// All streams of the category. A stream contains the events that are in the log when the page is read.
    pub fn of(pool: &PgPool, category: Category) -> Streams {
        let like = format!("{category}-%");
        Streams { pool: pool.clone(), like, cursor: (String::new(), 0), incomplete: Vec::new() }
    }

    /// The next streams, each with all events in order of versions; empty at the end.
    pub async fn next(&mut self) -> anyhow::Result<Vec<Vec<Recorded>>> {
        let mut complete = Vec::new();
        while complete.is_empty() {
            let page = self.read().await?;
            if page.is_empty() {
                complete.extend((!self.incomplete.is_empty()).then(|| std::mem::take(&mut self.incomplete)));
                return Ok(complete);
            }
            for event in page {
                if self.incomplete.last().is_some_and(|last| last.stream != event.stream) {
                    complete.push(std::mem::take(&mut self.incomplete));
                }
                self.incomplete.push(event);
            }
        }
        Ok(complete)
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Recorded>> {
        const READ: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where (stream_id, version) > ($1, $2) and stream_id like $3
            order by stream_id, version limit $4";
        let (stream, version) = &self.cursor;
        let query = sqlx::query(READ).bind(stream).bind(version).bind(&self.like).bind(PAGE);
        let rows = query.fetch_all(&self.pool).await.context("reading the log by stream")?;
        let page = rows.iter().map(recorded).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(last) = page.last() {
            self.cursor = (last.stream.to_string(), last.version.0);
        }
        Ok(page)
    }
}

/// All events of one stream, in order of versions.
pub async fn stream(pool: &PgPool, stream: &StreamId) -> anyhow::Result<Vec<Recorded>> {
    const READ: &str = "
        select position, incarnation, stream_id, version, event_type, schema_version, payload::text, metadata::text,
            recorded_at, command_id
        from events where stream_id = $1 order by version";
    let rows = sqlx::query(READ).bind(stream.as_str()).fetch_all(pool).await;
    rows.with_context(|| format!("reading stream {stream}"))?.iter().map(recorded).collect()
}

/// The events at these positions, in order of positions.
pub async fn at(pool: &PgPool, positions: &[i64]) -> anyhow::Result<Vec<Recorded>> {
    const READ: &str = "
        select position, incarnation, stream_id, version, event_type, schema_version, payload::text, metadata::text,
            recorded_at, command_id
        from events where position = any($1) order by position";
    let rows = sqlx::query(READ).bind(positions).fetch_all(pool).await.context("reading events by position")?;
    rows.iter().map(recorded).collect()
}

fn recorded(row: &PgRow) -> anyhow::Result<Recorded> {
    let position = Position(row.try_get("position")?);
    read(row, position).with_context(|| format!("the event at position {position} cannot be read"))
}

fn read(row: &PgRow, position: Position) -> anyhow::Result<Recorded> {
    let metadata: Option<&str> = row.try_get("metadata")?;
    Ok(Recorded {
        incarnation: Incarnation(row.try_get("incarnation")?),
        position,
        stream: row.try_get::<&str, _>("stream_id")?.parse()?,
        version: Version(row.try_get("version")?),
        event_type: row.try_get("event_type")?,
        schema_version: row.try_get("schema_version")?,
        payload: row.try_get("payload")?,
        metadata: metadata.map_or(Ok(Metadata::default()), serde_json::from_str)?,
        command_id: row.try_get("command_id")?,
        recorded_at: row.try_get::<DateTime<Utc>, _>("recorded_at")?,
    })
}
