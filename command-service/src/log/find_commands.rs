//! Looking up commands and claims: the id and the fingerprint of a command are stored on its first event.

use std::collections::{HashMap, HashSet};

use events::{Position, Recorded};
use sqlx::Row;
use uuid::Uuid;

use super::command::{CommandEvents, LoggedCommand};
use super::error::Error;
use super::row::{recorded, unreadable};
use super::{Log, Store};
use crate::database::during;

impl Log {
    /// The commands among these that took effect, without their events.
    pub async fn find_commands(&self, ids: &[Uuid]) -> Result<Vec<LoggedCommand>, Error> {
        const FIND_COMMANDS: &str = "
            select command_id, fingerprint, stream_id, position, position + command_size - 1 from events
            where command_id = any($1)";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.find_commands(ids)),
        };
        let rows = sqlx::query_as::<_, (Uuid, i64, String, i64, i64)>(FIND_COMMANDS)
            .bind(ids)
            .fetch_all(pool)
            .await
            .map_err(during("looking up commands"))?;
        rows.into_iter()
            .map(|(id, fingerprint, stream, first, last)| {
                let stream = stream.parse().map_err(|_| Error::Row(stream))?;
                Ok(LoggedCommand { id, fingerprint, stream, first: Position(first), last: Position(last) })
            })
            .collect()
    }

    /// The ids of the commands whose first event is after `after` and not after `upto`.
    pub async fn list_command_ids(&self, after: Position, upto: Position) -> Result<Vec<Uuid>, Error> {
        const LIST_COMMAND_IDS: &str =
            "select command_id from events where position > $1 and position <= $2 and command_id is not null";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.list_command_ids(after, upto)),
        };
        sqlx::query_scalar(LIST_COMMAND_IDS)
            .bind(after.0)
            .bind(upto.0)
            .fetch_all(pool)
            .await
            .map_err(|error| during("listing the ids of commands")(error).into())
    }

    /// The events that each of these commands wrote to the stream that it addressed, in order.
    pub async fn read_command_events(&self, commands: &[LoggedCommand]) -> Result<HashMap<Uuid, Vec<Recorded>>, Error> {
        // `offset 0` prevents that PostgreSQL chooses the index by stream: a stock item has far more events than any command.
        const READ_COMMAND_EVENTS: &str = "
            select c.id as requested, e.position, e.incarnation, e.stream_id, e.version, e.event_type, e.schema_version,
                e.payload::text, e.metadata::text, e.recorded_at, e.command_id
            from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) as c(id, first, last, stream_id)
            cross join lateral (select * from events where position between c.first and c.last offset 0) e
            where e.stream_id = c.stream_id
            order by e.position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.read_command_events(commands)),
        };
        let rows = sqlx::query(READ_COMMAND_EVENTS)
            .bind(commands.iter().map(|command| command.id).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.first.0).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.last.0).collect::<Vec<_>>())
            .bind(commands.iter().map(|command| command.stream.as_str()).collect::<Vec<_>>())
            .fetch_all(pool)
            .await
            .map_err(during("reading the events of commands"))?;
        let mut events: HashMap<Uuid, Vec<Recorded>> = HashMap::new();
        for row in &rows {
            let id = row.try_get("requested").map_err(unreadable)?;
            events.entry(id).or_default().push(recorded(row)?);
        }
        Ok(events)
    }

    /// The commands among these that took effect, with all their events.
    pub async fn load_commands(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, CommandEvents>, Error> {
        const LOAD_COMMANDS: &str = "
            select first.command_id as requested, first.fingerprint, e.position, e.incarnation, e.stream_id, e.version,
                e.event_type, e.schema_version, e.payload::text, e.metadata::text, e.recorded_at, e.command_id
            from events first
            join events e on e.position >= first.position and e.position < first.position + first.command_size
            where first.command_id = any($1)
            order by e.position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.load_commands(ids)),
        };
        let rows = sqlx::query(LOAD_COMMANDS)
            .bind(ids)
            .fetch_all(pool)
            .await
            .map_err(during("looking up commands and their events"))?;
        let mut found: HashMap<Uuid, CommandEvents> = HashMap::new();
        for row in &rows {
            let id: Uuid = row.try_get("requested").map_err(unreadable)?;
            let fingerprint = row.try_get("fingerprint").map_err(unreadable)?;
            let command = found.entry(id).or_insert_with(|| CommandEvents { fingerprint, events: Vec::new() });
            command.events.push(recorded(row)?);
        }
        Ok(found)
    }

    /// The claims among these that are taken.
    pub async fn find_claims(&self, claims: &[String]) -> Result<HashSet<String>, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.find_claims(claims)),
        };
        let taken: Vec<String> = sqlx::query_scalar("select claim from events where claim = any($1)")
            .bind(claims)
            .fetch_all(pool)
            .await
            .map_err(during("looking up claims"))?;
        Ok(taken.into_iter().collect())
    }
}
