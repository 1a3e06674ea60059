//! `key-order`: every partition contains its events in the order of the log, every event names the position of the previous event
//! of the partition, and a stream is in one partition only, with its versions in order. Duplicates are allowed.
//!
//! The order of the log is the order of incarnations, then of positions: a log that lost its tail assigns the same positions
//! again in a later incarnation. Events of the earlier incarnation after the position at which the later incarnation starts are
//! void.

use std::collections::HashMap;

use events::cloudevents::Message;
use events::{Category, Incarnation, LogPosition, Position, StreamId, Version, topics};

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;
use crate::topics::{self as kafka_topics, Delivered, Kafka};

/// Checks all messages of all topics.
pub async fn check(subject: &Subject, kafka: &Kafka) -> anyhow::Result<Findings> {
    let log = log::find_id(&log::connect(&subject.database_url).await?).await?;
    let mut findings = Findings::default();
    let mut chains: HashMap<(Category, i32), PartitionChain> = HashMap::new();
    let mut delivered = kafka_topics::read(kafka, log);
    while let Some(delivered) = delivered.recv().await {
        let delivered = delivered?;
        findings.count_checked();
        chains.entry((delivered.category, delivered.partition)).or_default().add(&delivered, &mut findings);
    }
    Ok(findings)
}

/// The events of one partition up to the current message.
#[derive(Debug, Default)]
struct PartitionChain {
    /// The last event that was not a duplicate.
    last: Option<LogPosition>,
    /// Whether the partition still contains its first message; retention may have deleted it.
    is_complete: bool,
    /// Positions of the events, without events that are void because of a later incarnation.
    positions: Vec<Position>,
    /// The last event of each stream. After a branch, a stream whose last event is void has no entry.
    streams: HashMap<StreamId, (Position, Version)>,
    /// Incarnations that start in this partition, each with the last position of the previous incarnation that is not void.
    branches: Vec<(Incarnation, Position)>,
}

impl PartitionChain {
    fn add(&mut self, delivered: &Delivered, findings: &mut Findings) {
        let place = || format!("{} [{}] offset {}", delivered.category, delivered.partition, delivered.offset);
        let message = match &delivered.message {
            Ok(message) => message,
            Err(reason) => return findings.add(format!("{}: not an event of the platform: {reason}", place())),
        };
        check_key(delivered, &message.event.stream, findings);
        let Message { event, previous, .. } = message;
        let at = LogPosition { incarnation: event.incarnation, position: event.position };
        match self.last {
            Some(last) if at <= last => self.check_duplicate(at, findings, place),
            Some(last) => {
                if at.incarnation > last.incarnation {
                    self.branch(at.incarnation, *previous);
                }
                let before = self.positions.last().copied().unwrap_or(Position::ZERO);
                // Retention may have deleted the previous event, if all earlier events in the partition are void.
                let before = if before == Position::ZERO && !self.is_complete { *previous } else { before };
                self.follow(message, before, findings, place);
            }
            None => {
                self.is_complete = delivered.offset == 0;
                let before = if self.is_complete { Position::ZERO } else { *previous };
                self.follow(message, before, findings, place);
            }
        }
    }

    /// A duplicate must have been in the partition before, unless it is void.
    fn check_duplicate(&self, at: LogPosition, findings: &mut Findings, place: impl Fn() -> String) {
        let is_void =
            self.branches.iter().any(|(incarnation, last)| at.incarnation < *incarnation && at.position > *last);
        let is_known = self.positions.binary_search(&at.position).is_ok();
        findings.expect(is_known || is_void || !self.is_complete, || {
            format!("{}: position {} follows later positions", place(), at.position)
        });
    }

    /// Starts a later incarnation: events after `previous` are void.
    fn branch(&mut self, incarnation: Incarnation, previous: Position) {
        self.positions.truncate(self.positions.partition_point(|position| *position <= previous));
        self.streams.retain(|_, (position, _)| *position <= previous);
        self.branches.push((incarnation, previous));
    }

    fn follow(&mut self, message: &Message, before: Position, findings: &mut Findings, place: impl Fn() -> String) {
        let Message { event, previous, .. } = message;
        findings.expect(*previous == before, || {
            format!(
                "{}: position {} names {previous} as the previous position, but {before} precedes it",
                place(),
                event.position
            )
        });
        let known = self.streams.get(&event.stream).map(|(_, version)| version.next());
        // After a branch, the next version of a stream is not known here; `no-skip` compares it with the log.
        let is_first = self.is_complete && self.branches.is_empty();
        if let Some(expected) = known.or(is_first.then_some(Version(1))) {
            findings.expect(event.version == expected, || {
                format!("{}: version {} of {}, expected version {expected}", place(), event.version, event.stream)
            });
        }
        self.streams.insert(event.stream.clone(), (event.position, event.version));
        self.positions.push(event.position);
        self.last = Some(LogPosition { incarnation: event.incarnation, position: event.position });
    }
}

fn check_key(delivered: &Delivered, stream: &StreamId, findings: &mut Findings) {
    let Delivered { category, partition, offset, key, .. } = delivered;
    let expected = topics::partition_of(stream.as_str(), delivered.partitions);
    findings.expect(key == stream.as_str(), || {
        format!("{category} [{partition}] offset {offset}: the key `{key}` is not the stream {stream}")
    });
    findings.expect(*partition == expected && *category == stream.category(), || {
        format!("{category} [{partition}] offset {offset}: {stream} belongs to {} [{expected}]", stream.category())
    });
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::{Metadata, Recorded, Source};

    use super::*;

    fn delivered(position: i64, version: i32, previous: i64) -> Delivered {
        let stream: StreamId = "stock-A@main".parse().unwrap();
        let event = Recorded {
            incarnation: Incarnation(1),
            position: Position(position),
            stream: stream.clone(),
            version: Version(version),
            event_type: "StockReceived".into(),
            schema_version: 1,
            payload: "{}".into(),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: DateTime::UNIX_EPOCH,
        };
        let message = Ok(Message { source: Source::Unidentified, event, previous: Position(previous) });
        Delivered {
            category: Category::Stock,
            partitions: 1,
            partition: 0,
            offset: 0,
            key: stream.to_string(),
            message,
        }
    }

    fn findings(delivered: impl IntoIterator<Item = Delivered>) -> Findings {
        findings_from(0, delivered)
    }

    fn findings_from(start: i64, delivered: impl IntoIterator<Item = Delivered>) -> Findings {
        let mut findings = Findings::default();
        let mut chain = PartitionChain::default();
        for (offset, delivered) in (start..).zip(delivered) {
            chain.add(&Delivered { offset, ..delivered }, &mut findings);
        }
        findings
    }

    #[test]
    fn duplicates_are_no_findings() {
        let chain =
            [delivered(2, 1, 0), delivered(5, 2, 2), delivered(2, 1, 0), delivered(5, 2, 2), delivered(7, 3, 5)];
        assert_eq!(findings(chain).first, Vec::<String>::new());
    }

    #[test]
    fn a_partition_whose_first_messages_are_deleted_has_no_findings() {
        assert_eq!(findings_from(900, [delivered(5, 2, 2), delivered(7, 3, 5)]).count, 0);
        assert_eq!(findings_from(0, [delivered(5, 2, 2), delivered(7, 3, 5)]).count, 2);
    }

    #[test]
    fn an_event_after_later_events_is_a_finding() {
        let other = |delivered: Delivered| {
            let stream: StreamId = "stock-B@main".parse().unwrap();
            let message = delivered
                .message
                .map(|message| Message { event: Recorded { stream: stream.clone(), ..message.event }, ..message });
            Delivered { key: stream.to_string(), message, ..delivered }
        };
        assert_eq!(findings([delivered(2, 1, 0), delivered(7, 2, 2), other(delivered(5, 1, 2))]).count, 1);
    }

    fn in_incarnation(incarnation: i32, delivered: Delivered) -> Delivered {
        let event = |message: Message| Recorded { incarnation: Incarnation(incarnation), ..message.event.clone() };
        let message = delivered.message.map(|message| Message { event: event(message.clone()), ..message });
        Delivered { message, ..delivered }
    }

    #[test]
    fn a_later_incarnation_assigns_positions_and_versions_again() {
        // The tail after position 5 was lost: position 7 is void, and positions 6 to 8 are assigned again.
        let before = || [delivered(2, 1, 0), delivered(5, 2, 2), delivered(7, 3, 5)];
        let again = [in_incarnation(2, delivered(6, 3, 5)), in_incarnation(2, delivered(8, 4, 6))];
        assert_eq!(findings(before().into_iter().chain(again)).first, Vec::<String>::new());
        // The relay of the earlier incarnation still publishes, and the relay of the later incarnation publishes again.
        let late = [delivered(7, 3, 5), in_incarnation(2, delivered(6, 3, 5)), delivered(5, 2, 2)];
        let again = [in_incarnation(2, delivered(6, 3, 5))];
        assert_eq!(findings(before().into_iter().chain(again).chain(late)).first, Vec::<String>::new());
    }

    #[test]
    fn a_position_of_a_later_incarnation_is_no_duplicate() {
        // The later incarnation assigns position 5, which the earlier incarnation had published, again.
        let found = findings([delivered(2, 1, 0), delivered(5, 2, 2), in_incarnation(2, delivered(5, 3, 2))]);
        assert_eq!(found.count, 0, "the earlier event at the position is void: {:?}", found.first);
        let found = findings([delivered(2, 1, 0), delivered(5, 2, 2), in_incarnation(2, delivered(5, 2, 4))]);
        assert_eq!(
            found.count, 1,
            "the event names a previous event that the partition does not contain: {:?}",
            found.first
        );
    }

    #[test]
    fn a_missing_link_a_missing_version_and_a_wrong_key_are_findings() {
        assert_eq!(findings([delivered(2, 1, 0), delivered(7, 2, 5)]).count, 1);
        assert_eq!(findings([delivered(2, 1, 0), delivered(5, 3, 2)]).count, 1);
        assert_eq!(findings([delivered(2, 2, 0)]).count, 1);
        let other_key = Delivered { key: "stock-B@main".into(), ..delivered(2, 1, 0) };
        assert_eq!(findings([other_key]).count, 1);
    }

    #[test]
    fn a_message_that_is_no_event_is_a_finding() {
        let garbage = Delivered { message: Err("the message has no headers".into()), ..delivered(2, 1, 0) };
        assert_eq!(findings([garbage]).count, 1);
    }
}
