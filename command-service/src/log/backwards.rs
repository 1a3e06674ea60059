//! Reading a stream backwards, a range of versions at a time, to find its latest events of some types.

use events::{Recorded, StreamId, Version};

use super::error::Error;
use super::row::recorded;
use super::{Log, Store};
use crate::database::during;

/// The events of a stream to read.
#[derive(Debug, Clone, Copy)]
pub struct VersionRange<'a> {
    /// Only events before this version.
    pub before: Version,
    /// Number of versions before `before` that are read.
    pub versions: i32,
    /// Only events of these types.
    pub types: &'a [&'a str],
}

impl Log {
    /// The events of a range of versions of a stream, the last event first.
    pub async fn read_backwards(&self, stream: &StreamId, range: VersionRange<'_>) -> Result<Vec<Recorded>, Error> {
        const READ_BACKWARDS: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events
            where stream_id = $1 and version < $2 and version >= $3 and event_type = any($4)
            order by version desc";
        let first = Version(range.before.0.saturating_sub(range.versions));
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let mut events = memory.versions_backwards(stream, first, range.before);
                events.retain(|event| range.types.contains(&event.event_type.as_str()));
                return Ok(events);
            }
        };
        let rows = sqlx::query(READ_BACKWARDS)
            .bind(stream.as_str())
            .bind(range.before.0)
            .bind(first.0)
            .bind(range.types)
            .fetch_all(pool)
            .await
            .map_err(during("reading a stream backwards"))?;
        rows.iter().map(recorded).collect()
    }
}
