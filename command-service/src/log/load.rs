//! Loading streams, each from its last snapshot on, and saving snapshots.

use events::{Incarnation, Position, StreamId, Version};
use futures::TryStreamExt;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::Error;
use super::row::{recorded, unreadable};
use super::snapshot::{Snapshot, StreamItem};
use super::{Log, Store};
use crate::database::{Database, during, within};

impl Log {
    /// Passes the items of each stream to `take`, in order: the last snapshot of this shape and the events after it, or every
    /// event if there is no such snapshot.
    pub async fn load(
        &self,
        streams: &[StreamId],
        shape: i64,
        mut take: impl FnMut(StreamItem) + Send,
    ) -> Result<(), Error> {
        match &self.0 {
            Store::Postgres(pool) => load(pool, streams, shape, take).await,
            Store::Memory(memory) => {
                memory.load(streams, shape).into_iter().for_each(&mut take);
                Ok(())
            }
        }
    }

    /// Saves snapshots, at most one of each stream, unless newer ones are saved.
    pub async fn save_snapshots(&self, snapshots: &[Snapshot]) -> Result<(), Error> {
        match &self.0 {
            Store::Postgres(pool) => save(pool, snapshots).await,
            Store::Memory(memory) => {
                memory.save_snapshots(snapshots);
                Ok(())
            }
        }
    }
}

async fn load(
    pool: &Database,
    streams: &[StreamId],
    shape: i64,
    mut take: impl FnMut(StreamItem) + Send,
) -> Result<(), Error> {
    // `order by` is inside the lateral join, so that each stream is a range of the index on streams and versions, however many
    // rows the stream has. The state of the snapshot is only on the first row of its stream.
    const LOAD: &str = "
        select requested.stream_id as requested, s.version as snapshot_version, s.position as snapshot_position,
            s.incarnation as snapshot_incarnation,
            case when e.version is null or e.version = s.version + 1 then s.state end as state,
            e.position, e.incarnation, e.stream_id, e.version, e.event_type, e.schema_version, e.payload, e.metadata,
            e.recorded_at, e.command_id
        from unnest($1::text[]) as requested(stream_id)
        left join lateral (
            select s.version, s.position, s.incarnation, s.state::text
            from snapshots s
            join events last on last.position = s.position and last.incarnation = s.incarnation
                and last.stream_id = s.name and last.version = s.version
            where s.name = requested.stream_id and s.shape = $2
        ) s on true
        left join lateral (
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text, metadata::text,
                recorded_at, command_id
            from events
            where stream_id = requested.stream_id and version > coalesce(s.version, 0)
            order by version
        ) e on true";
    let names: Vec<&str> = streams.iter().map(StreamId::as_str).collect();
    let failed = |error| Error::from(during("loading streams")(error));
    let mut acquired = pool.acquire().await.map_err(failed)?;
    let loading = async {
        // Row by row, because a stream may not fit into memory.
        let mut rows = sqlx::query(LOAD).bind(names).bind(shape).fetch(&mut *acquired);
        while let Some(row) = within(pool.timeout(), rows.try_next()).await.map_err(failed)? {
            if let Some(snapshot) = snapshot(&row, shape)? {
                take(StreamItem::Snapshot(snapshot));
            }
            if row.try_get::<Option<i64>, _>("position").map_err(unreadable)?.is_some() {
                take(StreamItem::Event(recorded(&row)?));
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
    let name: &str = row.try_get("requested").map_err(unreadable)?;
    Ok(Some(Snapshot {
        stream: name.parse().map_err(|error: events::stream::InvalidStream| Error::Row(error.to_string()))?,
        version: Version(row.try_get("snapshot_version").map_err(unreadable)?),
        position: Position(row.try_get("snapshot_position").map_err(unreadable)?),
        incarnation: Incarnation(row.try_get("snapshot_incarnation").map_err(unreadable)?),
        shape,
        state,
    }))
}

/// A saved snapshot is replaced by a newer one and by one of another shape, and in any case if its position is beyond the head
/// of the log or its incarnation is an earlier one.
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
        .map_err(during("saving snapshots"))?;
    Ok(())
}
