//! Reading the streams of the events before a position, backwards, without the events themselves.

use events::stream::InvalidStream;
use events::{Position, StreamId};

use super::error::Error;
use super::{Log, Store};
use crate::database::during;

impl Log {
    /// The positions and streams of at most `limit` events before a position, the last event first.
    pub async fn list_streams_before(&self, before: Position, limit: i64) -> Result<Vec<(Position, StreamId)>, Error> {
        const LIST: &str = "select position, stream_id from events where position < $1 order by position desc limit $2";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let after = Position((before.0 - 1 - limit).max(0));
                let events = memory.read_after(after, before.0 - 1 - after.0);
                return Ok(events.into_iter().rev().map(|event| (event.position, event.stream)).collect());
            }
        };
        let rows = sqlx::query_as::<_, (i64, String)>(LIST)
            .bind(before.0)
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(during("reading the streams of the events before a position"))?;
        let parsed = rows.into_iter().map(|(position, stream)| Ok((Position(position), stream.parse()?)));
        parsed.collect::<Result<_, InvalidStream>>().map_err(|error| Error::Row(error.to_string()))
    }
}
