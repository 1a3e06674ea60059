//! Kafka messages of events: CloudEvents 1.0, binary content mode (Kafka Protocol Binding 1.0.2, section 3.2). [`CloudEvent`] is
//! the same event as one JSON document.

mod structured;

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

pub use structured::CloudEvent;

use crate::log_id::{LogId, Source};
use crate::position::{Incarnation, Position, Version};
use crate::recorded::{Metadata, Recorded};
use crate::schemas;

/// The message is not a valid event of this platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    #[error("header `{name}` is invalid: `{value}`")]
    Unreadable { name: &'static str, value: String },
    #[error("the payload is not UTF-8")]
    Payload,
}

/// An event as published to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Log to which the event belongs. A consumer for one log must not apply events of another log.
    pub source: Source,
    pub event: Recorded,
    /// Position of the previous event in the same partition; 0 for the first event. Consumers use it to detect missing events.
    pub previous: Position,
}

/// Headers of an event of `log`; see [`Message::previous`] for `previous`. The message key is the stream id; the value is the payload.
pub fn headers(log: LogId, event: &Recorded, previous: Position) -> Vec<(&'static str, String)> {
    let time = event.occurred_at().to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", event.id().to_string()),
        ("ce_type", event.event_type.clone()),
        ("ce_source", log.to_string()),
        ("ce_subject", event.stream.to_string()),
        ("ce_time", time),
        ("ce_dataschema", schemas::urn(&event.event_type, event.schema_version)),
        ("ce_sequence", structured::sequence(event.position)),
        ("ce_position", event.position.to_string()),
        ("ce_incarnation", event.incarnation.to_string()),
        ("ce_prevposition", previous.to_string()),
        ("ce_streamversion", event.version.to_string()),
        ("ce_schemaversion", event.schema_version.to_string()),
        ("ce_recordedtime", event.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        ("content-type", "application/json".to_owned()),
    ];
    let optional = [
        ("ce_commandid", event.command_id.map(|id| id.to_string())),
        ("ce_correlationid", event.metadata.correlation_id.clone()),
        ("ce_causationid", event.metadata.causation_id.clone()),
        ("ce_traceparent", event.metadata.traceparent.clone()),
    ];
    headers.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    headers
}

/// Parses the headers and the payload of a message. Unknown headers are ignored.
pub fn parse<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    payload: &[u8],
) -> Result<Message, InvalidMessage> {
    let headers: HashMap<&str, &str> = headers.into_iter().collect();
    let recorded_at: DateTime<Utc> = read(&headers, "ce_recordedtime")?;
    let occurred_at: DateTime<Utc> = read(&headers, "ce_time")?;
    let text = |name| headers.get(name).map(|value| (*value).to_owned());
    let event = Recorded {
        incarnation: Incarnation(read(&headers, "ce_incarnation")?),
        position: Position(read(&headers, "ce_position")?),
        stream: read(&headers, "ce_subject")?,
        version: Version(read(&headers, "ce_streamversion")?),
        event_type: read(&headers, "ce_type")?,
        schema_version: read(&headers, "ce_schemaversion")?,
        payload: std::str::from_utf8(payload).map_err(|_| InvalidMessage::Payload)?.to_owned(),
        metadata: Metadata {
            occurred_at: (occurred_at != recorded_at).then_some(occurred_at),
            correlation_id: text("ce_correlationid"),
            causation_id: text("ce_causationid"),
            traceparent: text("ce_traceparent"),
        },
        command_id: text("ce_commandid").and_then(|id| Uuid::try_parse(&id).ok()),
        recorded_at,
    };
    let (source, previous) = (read(&headers, "ce_source")?, Position(read(&headers, "ce_prevposition")?));
    Ok(Message { source, event, previous })
}

fn read<T: std::str::FromStr>(headers: &HashMap<&str, &str>, name: &'static str) -> Result<T, InvalidMessage> {
    let value = headers.get(name).ok_or(InvalidMessage::Missing(name))?;
    value.parse().map_err(|_| InvalidMessage::Unreadable { name, value: value.chars().take(100).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId(Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_a001));

    fn header(headers: &[(&'static str, String)], name: &str) -> String {
        headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone()).unwrap()
    }

    fn event() -> Recorded {
        Recorded {
            incarnation: Incarnation(2),
            position: Position(12_345),
            stream: "stock-A@main".parse().unwrap(),
            version: Version(7),
            event_type: "StockReceived".into(),
            schema_version: 1,
            payload: r#"{"quantity":5}"#.into(),
            metadata: Metadata {
                occurred_at: DateTime::from_timestamp_millis(1_291_191_960_000),
                correlation_id: Some("import-1".into()),
                ..Metadata::default()
            },
            command_id: Some(Uuid::from_u128(7)),
            recorded_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        }
    }

    fn parse_again(headers: &[(&'static str, String)], payload: &str) -> Result<Message, InvalidMessage> {
        parse(headers.iter().map(|(name, value)| (*name, value.as_str())), payload.as_bytes())
    }

    #[test]
    fn the_document_has_the_attributes_of_the_message() {
        let document = serde_json::to_value(CloudEvent::of(LOG, event()).unwrap()).unwrap();
        for (name, value) in headers(LOG, &event(), Position::ZERO) {
            // Only consumers of a partition need the previous position.
            let Some(name) = name.strip_prefix("ce_").filter(|name| *name != "prevposition") else { continue };
            let found = &document[name];
            assert_eq!(found.as_str().map_or_else(|| found.to_string(), str::to_owned), value, "{name}");
        }
        assert_eq!(document["datacontenttype"], "application/json");
        assert_eq!(document["data"], serde_json::from_str::<serde_json::Value>(&event().payload).unwrap());
    }

    #[test]
    fn a_published_event_is_parsed_back() {
        let event = event();
        let message = parse_again(&headers(LOG, &event, Position(12_000)), &event.payload).unwrap();
        assert_eq!(message, Message { source: Source::Log(LOG), event, previous: Position(12_000) });
    }

    #[test]
    fn a_missing_or_invalid_header_is_named_in_the_error() {
        let event = event();
        let mut headers = headers(LOG, &event, Position::ZERO);
        headers.retain(|(name, _)| *name != "ce_position");
        assert_eq!(parse_again(&headers, "{}"), Err(InvalidMessage::Missing("ce_position")));
        headers.push(("ce_position", "x".into()));
        let invalid = InvalidMessage::Unreadable { name: "ce_position", value: "x".into() };
        assert_eq!(parse_again(&headers, "{}"), Err(invalid));
    }

    #[test]
    fn source_and_schema_are_absolute_uris() {
        let headers = headers(LOG, &event(), Position::ZERO);
        assert_eq!(header(&headers, "ce_source"), "urn:order-platform:log:0190163d-8694-739b-aea5-966c26f8a001");
        assert_eq!(header(&headers, "ce_dataschema"), "urn:order-platform:event:StockReceived:1");
    }

    #[test]
    fn source_and_id_together_differ_between_logs_and_between_incarnations() {
        let names = |log, event: &Recorded| {
            let headers = headers(log, event, Position::ZERO);
            (header(&headers, "ce_source"), header(&headers, "ce_id"))
        };
        let restored = Recorded { incarnation: Incarnation(3), ..event() };
        let other = LogId(Uuid::from_u128(8));
        assert_ne!(names(LOG, &event()), names(other, &event()));
        assert_ne!(names(LOG, &event()), names(LOG, &restored));
        assert_eq!(names(LOG, &event()).0, names(LOG, &restored).0, "a restored copy is the same log");
    }

    #[test]
    fn messages_of_earlier_releases_have_no_log_and_foreign_sources_are_rejected() {
        let event = event();
        let from = |source: &str| {
            let mut headers = headers(LOG, &event, Position::ZERO);
            headers.retain(|(name, _)| *name != "ce_source");
            headers.push(("ce_source", source.to_owned()));
            parse_again(&headers, "{}").map(|message| message.source)
        };
        assert_eq!(from("/order-platform/log"), Ok(Source::Unidentified));
        assert!(matches!(from("/another-shop"), Err(InvalidMessage::Unreadable { name: "ce_source", .. })));
    }
}
