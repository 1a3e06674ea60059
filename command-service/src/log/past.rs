//! What became of a command: its id, its fingerprint and its events are in the log.

use std::collections::{HashMap, HashSet};

use events::{Position, Recorded, StreamId};
use sqlx::Row;
use uuid::Uuid;

use super::read::recorded;
use super::{Error, Log, Store};

/// A command that has taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCommand {
    /// What was asked, as a hash.
    pub fingerprint: i64,
    /// The events that it wrote, in order.
    pub events: Vec<Recorded>,
}

/// Where a command that has taken effect stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The command.
    pub id: Uuid,
    /// What was asked, as a hash.
    pub fingerprint: i64,
    /// The stream of its first event, which is the one that it addressed.
    pub stream: StreamId,
    /// Its first event.
    pub first: Position,
    /// Its last event.
    pub last: Position,
}

impl Log {
    /// Those of these commands that have taken effect, without what they wrote.
    pub async fn find_written(&self, ids: &[Uuid]) -> Result<Vec<Written>, Error> {
        const FIND_WRITTEN: &str = "
            select command_id, fingerprint, stream_id, position, position + command_size - 1 from events
            where command_id = any($1)";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.find_written(ids)),
        };
        let rows = sqlx::query_as::<_, (Uuid, i64, String, i64, i64)>(FIND_WRITTEN)
            .bind(ids)
            .fetch_all(pool)
            .await
            .map_err(Error::database("looking up which commands were used"))?;
        rows.into_iter()
            .map(|(id, fingerprint, stream, first, last)| {
                let stream = stream.parse().map_err(|_| Error::Row(stream))?;
                Ok(Written { id, fingerprint, stream, first: Position(first), last: Position(last) })
            })
            .collect()
    }

    /// What each of these commands wrote to the stream that it addressed, in order.
    pub async fn read_written(&self, commands: &[Written]) -> Result<HashMap<Uuid, Vec<Recorded>>, Error> {
        // `offset 0` keeps the stream out of the choice of the index: a stock item has far more events than any command.
        const READ_WRITTEN: &str = "
            select c.id as asked, e.position, e.incarnation, e.stream_id, e.version, e.event_type, e.schema_version,
                e.payload::text, e.metadata::text, e.recorded_at, e.command_id
            from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) as c(id, first, last, stream_id)
            cross join lateral (select * from events where position between c.first and c.last offset 0) e
            where e.stream_id = c.stream_id
            order by e.position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.read_written(commands)),
        };
        let rows = sqlx::query(READ_WRITTEN)
            .bind(commands.iter().map(|command| command.id).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.first.0).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.last.0).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.stream.as_str()).collect::<Vec<_>>())
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading what commands wrote"))?;
        let mut written: HashMap<Uuid, Vec<Recorded>> = HashMap::new();
        for row in &rows {
            let id = row.try_get("asked").map_err(Error::database("reading a command's id"))?;
            written.entry(id).or_default().push(recorded(row)?);
        }
        Ok(written)
    }

    /// Those of these commands that have taken effect, with all that they wrote.
    pub async fn find_commands(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, PastCommand>, Error> {
        const FIND_COMMANDS: &str = "
            select first.command_id as asked, first.fingerprint, e.position, e.incarnation, e.stream_id, e.version,
                e.event_type, e.schema_version, e.payload::text, e.metadata::text, e.recorded_at, e.command_id
            from events first
            join events e on e.position >= first.position and e.position < first.position + first.command_size
            where first.command_id = any($1)
            order by e.position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.find_commands(ids)),
        };
        let rows = sqlx::query(FIND_COMMANDS)
            .bind(ids)
            .fetch_all(pool)
            .await
            .map_err(Error::database("looking up commands"))?;
        let mut found: HashMap<Uuid, PastCommand> = HashMap::new();
        for row in &rows {
            let id: Uuid = row.try_get("asked").map_err(Error::database("reading a command's id"))?;
            let fingerprint = row.try_get("fingerprint").map_err(Error::database("reading a fingerprint"))?;
            let past = found.entry(id).or_insert_with(|| PastCommand { fingerprint, events: Vec::new() });
            past.events.push(recorded(row)?);
        }
        Ok(found)
    }

    /// Those of these claims that are taken.
    pub async fn find_claims(&self, claims: &[String]) -> Result<HashSet<String>, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.find_claims(claims)),
        };
        let taken: Vec<String> = sqlx::query_scalar("select claim from events where claim = any($1)")
            .bind(claims)
            .fetch_all(pool)
            .await
            .map_err(Error::database("looking up claims"))?;
        Ok(taken.into_iter().collect())
    }
}
