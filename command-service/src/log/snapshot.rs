//! States as of a version, so that a stream is folded from its last snapshot on, and the order numbers as of a position. All
//! of it can be thrown away.
//!
//! A snapshot names the last event that it holds by position, incarnation, stream and version. It counts only while the log
//! has that event: one that knows of a tail that was lost is left alone, and overwritten by the next.

use std::collections::BTreeMap;

use events::{Incarnation, LogPosition, Position, Recorded, StreamId, Version};
use futures::TryStreamExt;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::append::Expected;
use super::read::{recorded, unreadable};
use super::{Error, Log, Store};
use crate::database::{Database, within};

/// The name of the order numbers among the streams' names; no stream has it.
const ORDER_NUMBERS: &str = "order-numbers";

/// Positions whose orders are counted by one statement, a tenth of a second's work: without a snapshot of the order numbers
/// the whole log is read, and the database must not seem frozen meanwhile.
const COUNTED_AT_ONCE: i64 = 100_000;

/// The shape of no state: who loads with it gets every event.
pub const NO_SHAPE: i64 = 0;

/// A state as of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Of which stream.
    pub stream: StreamId,
    /// The last event that it holds.
    pub version: Version,
    /// Where that is in the log.
    pub position: Position,
    /// Life of the log in which that was written.
    pub incarnation: Incarnation,
    /// What the state looks like; one of another shape is none.
    pub shape: i64,
    /// The state, JSON.
    pub state: String,
}

/// A piece of a stream on its way into memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Where to begin; comes before the events of its stream.
    Snapshot(Snapshot),
    /// The next event.
    Event(Recorded),
}

/// The last number of each order prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Position of the snapshot that was used; 0 where there was none.
    pub saved: Position,
    /// By prefix.
    pub last: BTreeMap<String, u64>,
}

impl Log {
    /// Hands over each of these streams in order: from the last snapshot of this shape on, or from its first event.
    pub async fn load(
        &self,
        streams: &[StreamId],
        shape: i64,
        mut take: impl FnMut(Piece) + Send,
    ) -> Result<(), Error> {
        match &self.0 {
            Store::Postgres(pool) => load(pool, streams, shape, take).await,
            Store::Memory(memory) => {
                memory.load(streams, shape).into_iter().for_each(&mut take);
                Ok(())
            }
        }
    }

    /// Keeps these snapshots, at most one of each stream, unless newer ones are kept.
    pub async fn save_snapshots(&self, snapshots: &[Snapshot]) -> Result<(), Error> {
        match &self.0 {
            Store::Postgres(pool) => save(pool, snapshots).await,
            Store::Memory(memory) => {
                memory.save_snapshots(snapshots);
                Ok(())
            }
        }
    }

    /// The last number of each order prefix up to `head`: from the snapshot, and from the orders placed since. Only the
    /// numbers are read, not the orders.
    pub async fn load_numbers(&self, head: LogPosition) -> Result<Numbers, Error> {
        match &self.0 {
            Store::Postgres(pool) => load_numbers(pool, head).await,
            Store::Memory(memory) => Ok(memory.numbers(head)),
        }
    }

    /// Keeps the order numbers as of this end of the log, unless newer ones are kept, or the log never ended so.
    pub async fn save_numbers(
        &self,
        end: impl Into<Expected<'_>>,
        numbers: &BTreeMap<String, u64>,
    ) -> Result<(), Error> {
        let end = end.into();
        match &self.0 {
            Store::Postgres(pool) => save_numbers(pool, end, numbers).await,
            Store::Memory(memory) => {
                memory.save_numbers(end.head, numbers);
                Ok(())
            }
        }
    }
}

async fn load(
    pool: &Database,
    streams: &[StreamId],
    shape: i64,
    mut take: impl FnMut(Piece) + Send,
) -> Result<(), Error> {
    // Ordered inside, so that each stream is a range of the index on streams and versions, however many rows it has. The
    // snapshot's state comes once, on the first row of its stream.
    const LOAD: &str = "
        select asked.stream_id as asked, s.version as snapshot_version, s.position as snapshot_position,
            s.incarnation as snapshot_incarnation,
            case when e.version is null or e.version = s.version + 1 then s.state end as state,
            e.position, e.incarnation, e.stream_id, e.version, e.event_type, e.schema_version, e.payload, e.metadata,
            e.recorded_at, e.command_id
        from unnest($1::text[]) as asked(stream_id)
        left join lateral (
            select s.version, s.position, s.incarnation, s.state::text
            from snapshots s
            join events last on last.position = s.position and last.incarnation = s.incarnation
                and last.stream_id = s.name and last.version = s.version
            where s.name = asked.stream_id and s.shape = $2
        ) s on true
        left join lateral (
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text, metadata::text,
                recorded_at, command_id
            from events
            where stream_id = asked.stream_id and version > coalesce(s.version, 0)
            order by version
        ) e on true";
    let names: Vec<&str> = streams.iter().map(StreamId::as_str).collect();
    let lost = |error| Error::database("loading streams")(error);
    let mut acquired = pool.acquire().await.map_err(lost)?;
    let loading = async {
        // Row by row, because a stream may be longer than memory is large.
        let mut rows = sqlx::query(LOAD).bind(names).bind(shape).fetch(&mut *acquired);
        while let Some(row) = within(pool.timeout(), rows.try_next()).await.map_err(lost)? {
            if let Some(snapshot) = snapshot(&row, shape)? {
                take(Piece::Snapshot(snapshot));
            }
            if row.try_get::<Option<i64>, _>("position").map_err(unreadable)?.is_some() {
                take(Piece::Event(recorded(&row)?));
            }
        }
        Ok(())
    };
    let loaded = loading.await;
    match loaded {
        Ok(()) => acquired.release(),
        Err(_) => acquired.discard(),
    }
    loaded
}

fn snapshot(row: &PgRow, shape: i64) -> Result<Option<Snapshot>, Error> {
    let Some(state) = row.try_get("state").map_err(unreadable)? else { return Ok(None) };
    let name: &str = row.try_get("asked").map_err(unreadable)?;
    Ok(Some(Snapshot {
        stream: name.parse().map_err(|error: events::stream::InvalidStream| Error::Row(error.to_string()))?,
        version: Version(row.try_get("snapshot_version").map_err(unreadable)?),
        position: Position(row.try_get("snapshot_position").map_err(unreadable)?),
        incarnation: Incarnation(row.try_get("snapshot_incarnation").map_err(unreadable)?),
        shape,
        state,
    }))
}

/// A snapshot makes room for a newer one, for one of another shape, and in any case when it lies beyond the log's end or in
/// an earlier life.
async fn save(pool: &Database, snapshots: &[Snapshot]) -> Result<(), Error> {
    const SAVE: &str = "
        insert into snapshots (name, position, incarnation, version, shape, state)
        select name, position, incarnation, version, shape, state::json
        from unnest($1::text[], $2::bigint[], $3::int[], $4::int[], $5::bigint[], $6::text[])
            as s(name, position, incarnation, version, shape, state)
        order by name
        on conflict (name) do update set position = excluded.position, incarnation = excluded.incarnation,
            version = excluded.version, shape = excluded.shape, state = excluded.state
        where snapshots.position < excluded.position or snapshots.shape <> excluded.shape
            or snapshots.incarnation < excluded.incarnation or snapshots.position > (select position from log_head)";
    sqlx::query(SAVE)
        .bind(snapshots.iter().map(|s| s.stream.as_str()).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|s| s.position.0).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|s| s.incarnation.0).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|s| s.version.0).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|s| s.shape).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|s| s.state.as_str()).collect::<Vec<_>>())
        .execute(pool)
        .await
        .map_err(Error::database("saving snapshots"))?;
    Ok(())
}

async fn load_numbers(pool: &Database, head: LogPosition) -> Result<Numbers, Error> {
    const SAVED: &str = "
        select s.position, s.state from snapshots s
        join events last on last.position = s.position and last.incarnation = s.incarnation
        where s.name = $1 and s.position <= $2";
    const PLACED_SINCE: &str = "
        select regexp_replace(code, '[0-9]+$', '') as prefix, max(substring(code from '[0-9]+$')::bigint) as last
        from (
            select payload->>'code' as code from events
            where position > $1 and position <= $2 and event_type = 'OrderPlaced'
        ) placed
        group by prefix";
    let saved = sqlx::query_as::<_, (i64, Json<BTreeMap<String, u64>>)>(SAVED)
        .bind(ORDER_NUMBERS)
        .bind(head.position.0)
        .fetch_optional(pool)
        .await
        .map_err(Error::database("loading the order numbers"))?;
    let mut numbers = match saved {
        Some((position, Json(last))) => Numbers { saved: Position(position), last },
        None => Numbers::default(),
    };
    let mut after = numbers.saved.0;
    while after < head.position.0 {
        let until = head.position.0.min(after + COUNTED_AT_ONCE);
        let since = sqlx::query_as::<_, (String, i64)>(PLACED_SINCE)
            .bind(after)
            .bind(until)
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading the numbers of the last orders"))?;
        numbers.last.extend(since.into_iter().map(|(prefix, last)| (prefix, last as u64)));
        after = until;
    }
    Ok(numbers)
}

/// One of the same position makes room too: what a process saved that was wrong is corrected by the next.
async fn save_numbers(
    pool: &Database,
    Expected { head, last }: Expected<'_>,
    numbers: &BTreeMap<String, u64>,
) -> Result<(), Error> {
    const SAVE_NUMBERS: &str = "
        insert into snapshots (name, position, incarnation, state)
        select $1, $2, $3, $4
        where $5::text is null or exists (
            select from events last
            where last.position = $2 and last.stream_id = $5 and last.version = $6 and last.incarnation = $3
                and last.recorded_at = $7 and last.command_id is not distinct from $8 and last.payload::text = $9)
        on conflict (name) do update set position = excluded.position, incarnation = excluded.incarnation,
            state = excluded.state
        where snapshots.position <= excluded.position or snapshots.incarnation < excluded.incarnation
            or snapshots.position > (select position from log_head)";
    sqlx::query(SAVE_NUMBERS)
        .bind(ORDER_NUMBERS)
        .bind(head.position.0)
        .bind(last.map_or(head.incarnation, |last| last.incarnation).0)
        .bind(Json(numbers))
        .bind(last.map(|last| last.stream.as_str()))
        .bind(last.map(|last| last.version.0))
        .bind(last.map(|last| last.recorded_at))
        .bind(last.and_then(|last| last.command_id))
        .bind(last.map(|last| last.payload.as_str()))
        .execute(pool)
        .await
        .map_err(Error::database("saving the order numbers"))?;
    Ok(())
}
