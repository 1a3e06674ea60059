//! `key-order`: in every partition events stand in the order of the log, each says which one came before it, and a stream
//! is in one partition only, with its versions in order. What was sent twice does not count.
//!
//! The order of the log is that of its lives and then of positions: a log that has lost its tail gives positions out again, in a
//! later life. What an ended life had sent behind the place where the later one goes on is void.

use std::collections::HashMap;

use events::cloudevents::Message;
use events::{Category, Incarnation, LogPosition, Position, StreamId, Version, topics};

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;
use crate::topics::{self as kafka_topics, Delivered, Kafka};

/// Reads every topic.
pub async fn check(subject: &Subject, kafka: &Kafka) -> anyhow::Result<Findings> {
    let log = log::find_id(&log::connect(&subject.database_url).await?).await?;
    let mut findings = Findings::default();
    let mut chains: HashMap<(Category, i32), Chain> = HashMap::new();
    let mut delivered = kafka_topics::read(kafka, log);
    while let Some(delivered) = delivered.recv().await {
        let delivered = delivered?;
        findings.look();
        chains.entry((delivered.category, delivered.partition)).or_default().take(&delivered, &mut findings);
    }
    Ok(findings)
}

/// How far one partition has been followed.
#[derive(Debug, Default)]
struct Chain {
    /// Life and position of the last event that moved the chain on.
    last: Option<LogPosition>,
    /// Whether its very first message is still there: the beginning of a topic may have been deleted by age.
    is_complete: bool,
    /// Positions of the events in it, without those that a later life of the log has made void.
    positions: Vec<Position>,
    /// The last event of each stream. Behind a branch a stream whose last event is void has none.
    streams: HashMap<StreamId, (Position, Version)>,
    /// Lives of the log that began in this partition, each with the last position of the life before that still counts.
    branches: Vec<(Incarnation, Position)>,
}

impl Chain {
    fn take(&mut self, delivered: &Delivered, findings: &mut Findings) {
        let place = || format!("{} [{}] offset {}", delivered.category, delivered.partition, delivered.offset);
        let message = match &delivered.message {
            Ok(message) => message,
            Err(reason) => return findings.add(format!("{}: not one of our events: {reason}", place())),
        };
        check_key(delivered, &message.event.stream, findings);
        let Message { event, previous, .. } = message;
        let at = LogPosition { incarnation: event.incarnation, position: event.position };
        match self.last {
            Some(last) if at <= last => self.repeat(at, findings, place),
            Some(last) => {
                if at.incarnation > last.incarnation {
                    self.branch(at.incarnation, *previous);
                }
                let before = self.positions.last().copied().unwrap_or(Position::ZERO);
                // The one before it may have been deleted by age, if nothing that is left counts any more.
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

    /// What was sent again must have been sent before, unless it is void.
    fn repeat(&self, at: LogPosition, findings: &mut Findings, place: impl Fn() -> String) {
        let is_void = self.branches.iter().any(|(life, last)| at.incarnation < *life && at.position > *last);
        let is_known = self.positions.binary_search(&at.position).is_ok();
        findings.expect(is_known || is_void || !self.is_complete, || {
            format!("{}: position {} comes behind later ones", place(), at.position)
        });
    }

    /// A later life of the log begins: what stands behind `previous` is void.
    fn branch(&mut self, life: Incarnation, previous: Position) {
        self.positions.truncate(self.positions.partition_point(|position| *position <= previous));
        self.streams.retain(|_, (position, _)| *position <= previous);
        self.branches.push((life, previous));
    }

    fn follow(&mut self, message: &Message, before: Position, findings: &mut Findings, place: impl Fn() -> String) {
        let Message { event, previous, .. } = message;
        findings.expect(*previous == before, || {
            format!(
                "{}: position {} says that it follows {previous}, but {before} came before",
                place(),
                event.position
            )
        });
        let known = self.streams.get(&event.stream).map(|(_, version)| version.next());
        // Behind a branch a stream goes on from a version that `no-skip` compares with the log.
        let is_first = self.is_complete && self.branches.is_empty();
        if let Some(due) = known.or(is_first.then_some(Version(1))) {
            findings.expect(event.version == due, || {
                format!("{}: version {} of {} where {due} was due", place(), event.version, event.stream)
            });
        }
        self.streams.insert(event.stream.clone(), (event.position, event.version));
        self.positions.push(event.position);
        self.last = Some(LogPosition { incarnation: event.incarnation, position: event.position });
    }
}

fn check_key(delivered: &Delivered, stream: &StreamId, findings: &mut Findings) {
    let Delivered { category, partition, offset, key, .. } = delivered;
    let due = topics::partition_of(stream.as_str(), delivered.partitions);
    findings.expect(key == stream.as_str(), || {
        format!("{category} [{partition}] offset {offset}: the key `{key}` is not the stream {stream}")
    });
    findings.expect(*partition == due && *category == stream.category(), || {
        format!("{category} [{partition}] offset {offset}: {stream} belongs into {} [{due}]", stream.category())
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
        let mut chain = Chain::default();
        for (offset, delivered) in (start..).zip(delivered) {
            chain.take(&Delivered { offset, ..delivered }, &mut findings);
        }
        findings
    }

    #[test]
    fn an_unbroken_chain_with_repeats_is_well() {
        let chain =
            [delivered(2, 1, 0), delivered(5, 2, 2), delivered(2, 1, 0), delivered(5, 2, 2), delivered(7, 3, 5)];
        assert_eq!(findings(chain).first, Vec::<String>::new());
    }

    #[test]
    fn a_chain_whose_beginning_is_gone_is_well() {
        assert_eq!(findings_from(900, [delivered(5, 2, 2), delivered(7, 3, 5)]).count, 0);
        assert_eq!(findings_from(0, [delivered(5, 2, 2), delivered(7, 3, 5)]).count, 2);
    }

    #[test]
    fn an_event_that_comes_late_is_a_finding() {
        let other = |delivered: Delivered| {
            let stream: StreamId = "stock-B@main".parse().unwrap();
            let message = delivered
                .message
                .map(|message| Message { event: Recorded { stream: stream.clone(), ..message.event }, ..message });
            Delivered { key: stream.to_string(), message, ..delivered }
        };
        assert_eq!(findings([delivered(2, 1, 0), delivered(7, 2, 2), other(delivered(5, 1, 2))]).count, 1);
    }

    fn in_life(incarnation: i32, delivered: Delivered) -> Delivered {
        let event = |message: Message| Recorded { incarnation: Incarnation(incarnation), ..message.event.clone() };
        let message = delivered.message.map(|message| Message { event: event(message.clone()), ..message });
        Delivered { message, ..delivered }
    }

    #[test]
    fn a_later_life_gives_positions_and_versions_out_again() {
        // The tail behind position 5 was lost: 7 is void, and 6 to 8 are given out again.
        let before = || [delivered(2, 1, 0), delivered(5, 2, 2), delivered(7, 3, 5)];
        let again = [in_life(2, delivered(6, 3, 5)), in_life(2, delivered(8, 4, 6))];
        assert_eq!(findings(before().into_iter().chain(again)).first, Vec::<String>::new());
        // The relay of the ended life still sends, and that of the later one sends again.
        let late = [delivered(7, 3, 5), in_life(2, delivered(6, 3, 5)), delivered(5, 2, 2)];
        let again = [in_life(2, delivered(6, 3, 5))];
        assert_eq!(findings(before().into_iter().chain(again).chain(late)).first, Vec::<String>::new());
    }

    #[test]
    fn a_position_of_a_later_life_is_no_repeat_of_the_one_before() {
        // Version 3 is left out, at a position that the life before had sent.
        let found = findings([delivered(2, 1, 0), delivered(5, 2, 2), in_life(2, delivered(5, 3, 2))]);
        assert_eq!(found.count, 0, "what was at the position is void: {:?}", found.first);
        let found = findings([delivered(2, 1, 0), delivered(5, 2, 2), in_life(2, delivered(5, 2, 4))]);
        assert_eq!(found.count, 1, "it names an event that the partition does not have: {:?}", found.first);
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
    fn what_is_not_one_of_our_events_is_a_finding() {
        let garbage = Delivered { message: Err("it has no headers".into()), ..delivered(2, 1, 0) };
        assert_eq!(findings([garbage]).count, 1);
    }
}
