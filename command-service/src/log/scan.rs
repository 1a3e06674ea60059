//! Scanning a range of positions for a few event types: positions are gapless, so the scan of a range is complete once its end is
//! reached.

use events::{Position, Recorded};

use super::error::Error;
use super::row::recorded;
use super::{Log, Store};
use crate::database::during;

/// The events that a scan returns.
#[derive(Debug, Clone, Copy)]
pub struct EventFilter {
    /// Event types.
    pub types: &'static [&'static str],
    /// Pairs of an event type and a text: of that type, only events whose payload contains one of its texts. This is a
    /// prefilter that avoids transferring all payloads; an event that contains the text elsewhere is returned too.
    pub payload_contains: &'static [(&'static str, &'static str)],
}

impl EventFilter {
    fn matches(&self, event: &Recorded) -> bool {
        let mut texts =
            self.payload_contains.iter().filter(|(event_type, _)| *event_type == event.event_type).peekable();
        self.types.contains(&event.event_type.as_str())
            && (texts.peek().is_none() || texts.any(|(_, text)| event.payload.contains(text)))
    }
}

impl Log {
    /// The events after one position up to another that match the filter, in order.
    pub async fn scan(&self, filter: EventFilter, after: Position, until: Position) -> Result<Vec<Recorded>, Error> {
        const SCAN: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events
            where position > $1 and position <= $2 and event_type = any($3)
                and (event_type <> all($4) or exists (
                    select from unnest($4::text[], $5::text[]) as pairs (event_type, text)
                    where pairs.event_type = events.event_type and strpos(events.payload::text, pairs.text) > 0))
            order by position";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let events = memory.read_after(after, until.0 - after.0);
                return Ok(events.into_iter().filter(|event| filter.matches(event)).collect());
            }
        };
        let (filtered_types, texts): (Vec<&str>, Vec<&str>) = filter.payload_contains.iter().copied().unzip();
        let rows = sqlx::query(SCAN)
            .bind(after.0)
            .bind(until.0)
            .bind(filter.types)
            .bind(filtered_types)
            .bind(texts)
            .fetch_all(pool)
            .await
            .map_err(during("scanning a range of the log"))?;
        rows.iter().map(recorded).collect()
    }
}
