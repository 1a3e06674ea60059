//! Scanning a range of positions for a few event types: positions are gapless, so the scan of a range is complete once its end is
//! reached.

use events::{Position, Recorded};
use sqlx::{Postgres, QueryBuilder};

use super::error::Error;
use super::row::recorded;
use super::{Log, Store};
use crate::database::during;

/// The events that a scan returns.
#[derive(Debug, Clone, Copy)]
pub struct EventFilter {
    /// Event types.
    pub types: &'static [&'static str],
    /// Event types of which only the events with certain payloads are returned. This is a prefilter that avoids transferring all
    /// payloads: it compares the text of the JSON, so an event that contains a text elsewhere is returned too.
    pub payloads: &'static [(&'static str, PayloadText)],
}

/// A condition on the JSON text of a payload.
#[derive(Debug, Clone, Copy)]
pub enum PayloadText {
    /// The payload contains at least one of these texts.
    ContainsAny(&'static [&'static str]),
    /// The payload does not contain this text.
    Lacks(&'static str),
}

impl EventFilter {
    fn matches(&self, event: &Recorded) -> bool {
        let mut payloads = self.payloads.iter().filter(|(event_type, _)| *event_type == event.event_type);
        self.types.contains(&event.event_type.as_str()) && payloads.all(|(_, text)| text.matches(&event.payload))
    }

    /// The scan as a statement.
    fn statement(&self, after: Position, until: Position) -> QueryBuilder<Postgres> {
        const SELECT: &str = "
            select position, incarnation, stream_id, version, event_type, schema_version, payload::text,
                metadata::text, recorded_at, command_id
            from events where position > ";
        let mut statement = QueryBuilder::new(SELECT);
        statement.push_bind(after.0).push(" and position <= ").push_bind(until.0);
        statement.push(" and event_type = any(").push_bind(self.types).push(")");
        for (event_type, text) in self.payloads {
            statement.push(" and (event_type <> ").push_bind(*event_type);
            text.push_to(&mut statement);
            statement.push(")");
        }
        statement.push(" order by position");
        statement
    }
}

impl PayloadText {
    fn matches(self, payload: &str) -> bool {
        match self {
            PayloadText::ContainsAny(texts) => texts.iter().any(|text| payload.contains(text)),
            PayloadText::Lacks(text) => !payload.contains(text),
        }
    }

    /// Adds ` or ` and the condition.
    fn push_to(self, statement: &mut QueryBuilder<Postgres>) {
        match self {
            PayloadText::ContainsAny(texts) => texts.iter().for_each(|text| {
                statement.push(" or strpos(payload::text, ").push_bind(*text).push(") > 0");
            }),
            PayloadText::Lacks(text) => {
                statement.push(" or strpos(payload::text, ").push_bind(text).push(") = 0");
            }
        }
    }
}

impl Log {
    /// The events after one position up to another that match the filter, in order.
    pub async fn scan(&self, filter: EventFilter, after: Position, until: Position) -> Result<Vec<Recorded>, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let events = memory.read_after(after, until.0 - after.0);
                return Ok(events.into_iter().filter(|event| filter.matches(event)).collect());
            }
        };
        let mut statement = filter.statement(after, until);
        let rows = statement.build().fetch_all(pool).await.map_err(during("scanning a range of the log"))?;
        rows.iter().map(recorded).collect()
    }
}
