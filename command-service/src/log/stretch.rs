//! Reading a stretch of the log for a few types of events: positions are gapless, so a stretch is read once its end is reached.

use events::{Position, Recorded};

use super::read::recorded;
use super::{Error, Log, Store};

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Events of these types, and of no other.
    pub types: &'static [&'static str],
    /// Of this type only those whose payload has a member of this name. A sieve and no more: far cheaper than reading the
    /// payloads of all, and it may let one through that has the name elsewhere.
    pub only_with: (&'static str, &'static str),
}

impl Wanted {
    fn contains(&self, event: &Recorded) -> bool {
        let (sieved, member) = self.only_with;
        self.types.contains(&event.event_type.as_str())
            && (event.event_type != sieved || event.payload.contains(&member_text(member)))
    }
}

/// How a member begins in a payload.
fn member_text(member: &str) -> String {
    format!("\"{member}\":")
}

impl Log {
    /// The wanted events after one position up to another, in order.
    pub async fn read_stretch(&self, wanted: Wanted, after: Position, until: Position) -> Result<Vec<Recorded>, Error> {
        const READ_STRETCH: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events
            where position > $1 and position <= $2 and event_type = any($3)
                and (event_type <> $4 or strpos(payload::text, $5) > 0)
            order by position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let events = memory.read_after(after, until.0 - after.0);
                return Ok(events.into_iter().filter(|event| wanted.contains(event)).collect());
            }
        };
        let (sieved, member) = wanted.only_with;
        let member = member_text(member);
        let rows = sqlx::query(READ_STRETCH)
            .bind(after.0)
            .bind(until.0)
            .bind(wanted.types)
            .bind(sieved)
            .bind(member)
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading a stretch of the log"))?;
        rows.iter().map(recorded).collect()
    }
}
