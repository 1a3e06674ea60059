//! An event as it is kept: the envelope of the log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::{self, DecodeError, Event};
use crate::id::EventId;
use crate::position::{Incarnation, Position, Version};
use crate::stream::StreamId;

/// What stands around an event: when it happened, and what it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// When it happened, where that is not when it was recorded (imports).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// The request or process that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What caused it: a command's key or an event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Metadata {
    /// Nothing is known beyond the event itself.
    pub fn is_empty(&self) -> bool {
        *self == Metadata::default()
    }
}

/// One event of the log; the payload stays text until somebody needs to know what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Life of the log in which it was written.
    pub incarnation: Incarnation,
    /// Place in the log.
    pub position: Position,
    /// Whose history it belongs to.
    pub stream: StreamId,
    /// Number in the stream.
    pub version: Version,
    /// `OrderPlaced` and so on; see [`codec::EVENT_TYPES`].
    pub event_type: String,
    /// Shape of the payload, from 1.
    pub schema_version: i16,
    /// JSON.
    pub payload: String,
    /// What stands around it.
    pub metadata: Metadata,
    /// The command that wrote it; on the first event of each command only.
    pub command_id: Option<Uuid>,
    /// When it was written, to the microsecond: by the writer's clock, and never earlier than the event before it in the log.
    pub recorded_at: DateTime<Utc>,
}

impl Recorded {
    /// When it happened.
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.metadata.occurred_at.unwrap_or(self.recorded_at)
    }

    /// The event's id, the same for ever.
    pub fn id(&self) -> EventId {
        EventId::of(self.occurred_at(), self.incarnation, self.position)
    }

    /// What happened, upcast to today's shape; an unknown type, version or shape is a [`DecodeError`].
    pub fn decode(&self) -> Result<Event, DecodeError> {
        codec::decode(&self.event_type, self.schema_version, &self.payload)
    }
}
