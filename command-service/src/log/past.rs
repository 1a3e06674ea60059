//! What became of a command: its id, its fingerprint and its events are in the log.

use std::collections::{HashMap, HashSet};

use events::Recorded;
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

impl Log {
    /// Those of these commands that have taken effect.
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
