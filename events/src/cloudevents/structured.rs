//! An event as one JSON document: CloudEvents 1.0, JSON Event Format 1.0.2. The attributes are those of a message on Kafka
//! ([`super::headers`]).

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::id::EventId;
use crate::log_id::LogId;
use crate::position::{Incarnation, Position, Version};
use crate::recorded::Recorded;
use crate::schemas;
use crate::stream::StreamId;

/// Digits of a sequence, enough for the largest position.
const SEQUENCE_DIGITS: usize = 19;

/// An event (CloudEvents 1.0, JSON Event Format).
#[derive(Debug, Serialize, JsonSchema)]
pub struct CloudEvent {
    /// Version of the CloudEvents specification: `1.0`.
    specversion: &'static str,
    /// Id of the event.
    id: EventId,
    /// Type of the event, such as `OrderPlaced`.
    #[serde(rename = "type")]
    event_type: String,
    /// The log that contains the event: `urn:order-platform:log:` and a UUID.
    source: String,
    /// Stream of the event, such as `order-` and the order id.
    #[schemars(with = "String")]
    subject: StreamId,
    /// Instant at which the event happened.
    #[serde(serialize_with = "micros")]
    time: DateTime<Utc>,
    /// Media type of `data`.
    datacontenttype: &'static str,
    /// Schema of `data`: `urn:order-platform:event:OrderPlaced:3` is `/v1/schemas/OrderPlaced/3`.
    dataschema: String,
    /// Position with leading zeros, so that texts are ordered as positions are.
    sequence: String,
    /// Position of the event in the log; text, because integers of CloudEvents have 32 bits.
    position: String,
    /// Incarnation of the log that wrote the event.
    incarnation: Incarnation,
    /// Version of the event in its stream, starting at 1.
    streamversion: Version,
    /// Version of the schema of `data`.
    schemaversion: i16,
    /// Instant at which the event was recorded.
    #[serde(serialize_with = "micros")]
    recordedtime: DateTime<Utc>,
    /// Id of the command that wrote the event; only on the first event of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    commandid: Option<Uuid>,
    /// Request or process to which the event belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<String>,
    /// Cause of the event: an idempotency key, or the id of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<String>,
    /// W3C Trace Context of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// The payload; without personal data that is erased.
    #[schemars(with = "serde_json::Value")]
    data: Box<RawValue>,
}

impl CloudEvent {
    /// An event of `log`. Fails if the payload is not JSON.
    pub fn of(log: LogId, event: Recorded) -> serde_json::Result<CloudEvent> {
        let (id, time) = (event.id(), event.occurred_at());
        Ok(CloudEvent {
            specversion: "1.0",
            id,
            source: log.to_string(),
            subject: event.stream,
            time,
            datacontenttype: "application/json",
            dataschema: schemas::urn(&event.event_type, event.schema_version),
            event_type: event.event_type,
            sequence: sequence(event.position),
            position: event.position.to_string(),
            incarnation: event.incarnation,
            streamversion: event.version,
            schemaversion: event.schema_version,
            recordedtime: event.recorded_at,
            commandid: event.command_id,
            correlationid: event.metadata.correlation_id,
            causationid: event.metadata.causation_id,
            traceparent: event.metadata.traceparent,
            data: RawValue::from_string(event.payload)?,
        })
    }
}

/// A position with leading zeros, so that texts are ordered as positions are.
pub(super) fn sequence(position: Position) -> String {
    format!("{:0SEQUENCE_DIGITS$}", position.0)
}

fn micros<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339_opts(SecondsFormat::Micros, true))
}
