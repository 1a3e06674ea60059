//! A batch of events to append, and the outcome of appending the batch.

use chrono::{DateTime, Utc};
use events::{Event, Incarnation, Position, Recorded, StreamId, Version, codec};
use uuid::Uuid;

/// An event to append. Its position is the head of the log plus its place in the batch.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Stream of the event.
    pub stream: StreamId,
    /// Version of the event in its stream, starting at 1.
    pub version: Version,
    /// Name of the event type.
    pub event_type: &'static str,
    /// Schema version of the payload.
    pub schema_version: i16,
    /// Payload, JSON.
    pub payload: String,
    /// [`events::Metadata`] as JSON; `None` if it is empty.
    pub metadata: Option<String>,
    /// The command that wrote the event, on the first event of the command only.
    pub command: Option<CommandHeader>,
    /// A name that the event claims for good, for example an external reference; no other event can claim it.
    pub claim: Option<String>,
}

impl NewRow {
    /// An event without metadata, command and claim.
    pub fn new(stream: StreamId, version: Version, event: &Event) -> NewRow {
        let codec::Encoded { event_type, schema_version, payload } = codec::encode(event);
        NewRow { stream, version, event_type, schema_version, payload, metadata: None, command: None, claim: None }
    }

    /// Bytes of the payload and the metadata.
    pub fn bytes(&self) -> usize {
        self.payload.len() + self.metadata.as_ref().map_or(0, String::len)
    }
}

/// The command columns of the first event that a command wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandHeader {
    /// Command id, derived from the idempotency key.
    pub id: Uuid,
    /// Hash of the command.
    pub fingerprint: i64,
    /// Number of events that the command wrote.
    pub size: i16,
}

/// Outcome of an append. Nothing was appended, except with [`Appended::After`], and possibly with [`Appended::Unknown`].
#[derive(Debug)]
pub enum Appended {
    /// The batch was appended after this position, and its events were recorded at this instant: that of the clock, or that of
    /// the event before the batch if the clock is behind.
    After(Position, DateTime<Utc>),
    /// The log does not end where the batch was decided: another writer appended first, or the log was replaced.
    Lost,
    /// A command or a claim of the batch is in the log already.
    Taken,
    /// A stream version or a position of the batch is in the log already, so the batch was decided on states that differ from
    /// the log.
    Conflicting(sqlx::Error),
    /// PostgreSQL refuses the data of the batch.
    Refused(sqlx::Error),
    /// The response was lost: the batch was appended or not.
    Unknown(sqlx::Error),
}

/// The events as readers see them, from rows that were appended after `base`.
pub fn recorded(
    rows: Vec<NewRow>,
    incarnation: Incarnation,
    base: Position,
    recorded_at: DateTime<Utc>,
) -> Result<Vec<Recorded>, serde_json::Error> {
    let one = |(index, row): (usize, NewRow)| {
        Ok(Recorded {
            incarnation,
            position: base.plus(index + 1),
            stream: row.stream,
            version: row.version,
            event_type: row.event_type.to_owned(),
            schema_version: row.schema_version,
            payload: row.payload,
            metadata: row.metadata.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            command_id: row.command.map(|command| command.id),
            recorded_at,
        })
    };
    rows.into_iter().enumerate().map(one).collect()
}
