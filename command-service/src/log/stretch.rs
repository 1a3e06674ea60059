//! Reading a stretch of the log for a few types of events: positions are gapless, so a stretch is read once its end is reached.

use events::{Position, Recorded};

use super::read::recorded;
use super::{Error, Log, Store};

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Events of these types, and of no other.
    pub types: &'static [&'static str],
    /// Of these types only those whose payload contains one of the texts that stand beside the type. A sieve and no more: far
    /// cheaper than reading the payloads of all, and it may let one through that has the text elsewhere.
    pub only_with: &'static [(&'static str, &'static str)],
}

impl Wanted {
    fn contains(&self, event: &Recorded) -> bool {
        let mut texts = self.only_with.iter().filter(|(sieved, _)| *sieved == event.event_type).peekable();
        self.types.contains(&event.event_type.as_str())
            && (texts.peek().is_none() || texts.any(|(_, text)| event.payload.contains(text)))
    }
}

impl Log {
    /// The wanted events after one position up to another, in order.
    pub async fn read_stretch(&self, wanted: Wanted, after: Position, until: Position) -> Result<Vec<Recorded>, Error> {
        const READ_STRETCH: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events
            where position > $1 and position <= $2 and event_type = any($3)
                and (event_type <> all($4) or exists (
                    select from unnest($4::text[], $5::text[]) as sieve (event_type, text)
                    where sieve.event_type = events.event_type and strpos(events.payload::text, sieve.text) > 0))
            order by position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let events = memory.read_after(after, until.0 - after.0);
                return Ok(events.into_iter().filter(|event| wanted.contains(event)).collect());
            }
        };
        let (sieved, texts): (Vec<&str>, Vec<&str>) = wanted.only_with.iter().copied().unzip();
        let rows = sqlx::query(READ_STRETCH)
            .bind(after.0)
            .bind(until.0)
            .bind(wanted.types)
            .bind(sieved)
            .bind(texts)
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading a stretch of the log"))?;
        rows.iter().map(recorded).collect()
    }
}
