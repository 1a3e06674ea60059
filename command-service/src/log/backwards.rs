//! Reading a stream backwards, a stretch of its versions at a time: for who looks for what happened last.

use events::{Recorded, StreamId, Version};

use super::read::recorded;
use super::{Error, Log, Store};

/// Which events of a stream are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// Those before this version,
    pub before: Version,
    /// at most so many versions back,
    pub versions: i32,
    /// of these types.
    pub types: &'a [&'a str],
}

impl Log {
    /// The wanted events of a stream, the last one first.
    pub async fn read_back(&self, stream: &StreamId, back: Back<'_>) -> Result<Vec<Recorded>, Error> {
        const READ_BACK: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events
            where stream_id = $1 and version < $2 and version >= $3 and event_type = any($4)
            order by version desc";
        let first = Version(back.before.0.saturating_sub(back.versions));
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let mut events = memory.stretch_of(stream, first, back.before);
                events.retain(|event| back.types.contains(&event.event_type.as_str()));
                return Ok(events);
            }
        };
        let rows = sqlx::query(READ_BACK)
            .bind(stream.as_str())
            .bind(back.before.0)
            .bind(first.0)
            .bind(back.types)
            .fetch_all(pool)
            .await
            .map_err(Error::database("reading a stream backwards"))?;
        rows.iter().map(recorded).collect()
    }
}
