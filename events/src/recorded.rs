//! [`Recorded`]: an event with its place in the log, its stream and its metadata.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::{self, DecodeError};
use crate::event::Event;
use crate::id::EventId;
use crate::position::{Incarnation, Position, Version};
use crate::stream::StreamId;

/// Metadata of an event: when it happened, and the request that caused it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Instant at which the event happened, if it differs from the instant of recording (imported events).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// Identifier of the request or process to which the event belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Cause of the event: the idempotency key of a command, or the id of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// W3C Trace Context header `traceparent` of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Metadata {
    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        *self == Metadata::default()
    }
}

/// One event of the log. The payload is decoded on request only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Incarnation of the log that wrote the event.
    pub incarnation: Incarnation,
    /// Position in the log.
    pub position: Position,
    /// Stream to which the event belongs.
    pub stream: StreamId,
    /// Version of the event in its stream, starting at 1.
    pub version: Version,
    /// Event type, such as `OrderPlaced`; see [`codec::EVENT_TYPES`].
    pub event_type: String,
    /// Schema version of the payload, starting at 1.
    pub schema_version: i16,
    /// Payload as JSON.
    pub payload: String,
    pub metadata: Metadata,
    /// Identifier of the command that wrote the event. Only on the first event of each command.
    pub command_id: Option<Uuid>,
    /// Instant of recording in microseconds, from the writer's clock; never before the previous event in the log.
    pub recorded_at: DateTime<Utc>,
}

impl Recorded {
    /// Instant at which the event happened.
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.metadata.occurred_at.unwrap_or(self.recorded_at)
    }

    /// Identifier of the event, computed from its instant and its place in the log.
    pub fn id(&self) -> EventId {
        EventId::of(self.occurred_at(), self.incarnation, self.position)
    }

    /// Decodes the payload, upcast to the current schema version.
    pub fn decode(&self) -> Result<Event, DecodeError> {
        codec::decode(&self.event_type, self.schema_version, &self.payload)
    }
}
