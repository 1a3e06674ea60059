//! What a message from Kafka means to a partition that has come so far. Pure; the proof that nothing is missed and
//! nothing is applied twice rests on positions alone, never on Kafka's offsets. Positions mean something within one log
//! only, so a message is judged only if its source is the log that this platform reads.

use std::collections::{BTreeMap, VecDeque};

use events::cloudevents::Message;
use events::{LogId, LogPosition, Position, Source};

use crate::batch::stamp;
use crate::claims::Claims;
use crate::feed::Delivery;
use crate::store::log::Portion;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Nothing: it was applied.
    Seen,
    /// Apply it.
    Next,
    /// First apply what the log has for this partition up to and with this position: Kafka did not bring it.
    Gap(Position),
    /// Nothing ever again: the log was restored to before what was applied, so the projection must be rebuilt.
    Astray,
}

/// Decides on a message, given the last event that was applied from its partition.
pub fn admit(reached: LogPosition, message: &Message) -> Admission {
    if stamp(&message.event) <= reached {
        return Admission::Seen;
    }
    if message.previous > reached.position {
        return Admission::Gap(message.previous);
    }
    // In one life, `previous` may be smaller: a relay that starts again may know less than we have applied.
    if message.event.incarnation > reached.incarnation && message.previous < reached.position {
        return Admission::Astray;
    }
    Admission::Next
}

/// Where the event of a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In our log.
    Ours,
    /// In the log of another platform: it is never applied.
    Foreign,
    /// Not known: a release before the identity of logs sent it. It is never applied; what our log has up to its position is
    /// applied in its stead.
    Unproven,
}

/// Where the event of a message stands, for a platform with this log.
pub fn origin(log: LogId, message: &Message) -> Origin {
    match message.source {
        Source::Log(source) if source == log => Origin::Ours,
        Source::Log(_) => Origin::Foreign,
        Source::Unidentified => Origin::Unproven,
    }
}

/// What can be done with the messages that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// So many from the front need nothing but to be applied or passed over.
    pub ready: usize,
    /// Which of them are to be applied.
    pub next: Vec<usize>,
    /// The partition and the verdict of the one behind them, which needs something else first.
    pub stop: Option<(i32, Admission)>,
}

/// Goes through the messages that wait, in order, as if each were applied, up to the first that cannot be, or until there is a
/// portion of messages to apply.
pub fn survey(pending: &VecDeque<Delivery>, claims: &Claims, log: LogId, portion: Portion) -> Survey {
    let mut reached: BTreeMap<i32, LogPosition> =
        claims.iter().map(|(partition, claim)| (partition, claim.reached)).collect();
    let mut survey = Survey::default();
    let mut bytes = 0;
    for (index, delivery) in pending.iter().enumerate() {
        if survey.next.len() >= portion.events || bytes >= portion.bytes {
            break;
        }
        let Delivery { partition, message, .. } = delivery;
        // A message that is none of ours is passed over here; what it should have been is then missing, which shows.
        if let (Ok(message), Some(reached)) = (message, reached.get_mut(partition))
            && origin(log, message) == Origin::Ours
        {
            match admit(*reached, message) {
                Admission::Seen => {}
                Admission::Next => {
                    survey.next.push(index);
                    bytes += delivery.bytes();
                    *reached = stamp(&message.event);
                }
                stop @ (Admission::Gap(_) | Admission::Astray) => {
                    survey.stop = Some((*partition, stop));
                    break;
                }
            }
        }
        survey.ready += 1;
    }
    survey
}

#[cfg(test)]
mod tests {
    use events::cloudevents::InvalidMessage;
    use events::{Incarnation, Metadata, Recorded, Version};
    use uuid::Uuid;

    use crate::claims::Claim;

    use super::*;

    const LOG: LogId = LogId(Uuid::from_u128(1));

    fn reached(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    fn message(incarnation: i32, position: i64, previous: i64) -> Message {
        let event = Recorded {
            incarnation: Incarnation(incarnation),
            position: Position(position),
            stream: "product-A".parse().unwrap(),
            version: Version(1),
            event_type: "ProductCreated".into(),
            schema_version: 1,
            payload: "{}".into(),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        };
        Message { source: Source::Log(LOG), event, previous: Position(previous) }
    }

    #[test]
    fn the_event_after_the_last_one_is_next() {
        assert_eq!(admit(reached(1, 10), &message(1, 13, 10)), Admission::Next);
        assert_eq!(admit(reached(1, 0), &message(1, 1, 0)), Admission::Next);
    }

    #[test]
    fn what_was_applied_is_seen_however_often_it_comes() {
        assert_eq!(admit(reached(1, 10), &message(1, 10, 7)), Admission::Seen);
        assert_eq!(admit(reached(1, 10), &message(1, 3, 0)), Admission::Seen);
    }

    #[test]
    fn a_message_that_names_an_unknown_predecessor_proves_a_gap() {
        assert_eq!(admit(reached(1, 10), &message(1, 15, 13)), Admission::Gap(Position(13)));
        assert_eq!(admit(reached(1, 0), &message(1, 15, 13)), Admission::Gap(Position(13)));
    }

    #[test]
    fn the_next_life_goes_on_where_the_last_one_ended() {
        assert_eq!(admit(reached(1, 10), &message(2, 13, 10)), Admission::Next);
        assert_eq!(admit(reached(1, 10), &message(2, 15, 13)), Admission::Gap(Position(13)));
    }

    #[test]
    fn when_the_next_life_does_not_know_what_was_applied_the_projection_is_astray() {
        assert_eq!(admit(reached(1, 10), &message(2, 13, 7)), Admission::Astray);
        assert_eq!(admit(reached(1, 10), &message(2, 9, 7)), Admission::Astray);
    }

    #[test]
    fn what_an_ended_life_still_sends_is_seen() {
        assert_eq!(admit(reached(2, 9), &message(1, 12, 9)), Admission::Seen);
    }

    fn pending(messages: impl IntoIterator<Item = (i32, Result<Message, InvalidMessage>)>) -> VecDeque<Delivery> {
        let deliveries = messages.into_iter().zip(0..);
        deliveries.map(|((partition, message), offset)| Delivery { partition, offset, message }).collect()
    }

    const ALL: Portion = Portion { events: usize::MAX, bytes: usize::MAX };

    #[test]
    fn a_survey_ends_with_a_portion() {
        let messages = || pending((11..15).map(|position| (0, Ok(message(1, position, position - 1)))));
        let ready = |portion| survey(&messages(), &claims(), LOG, portion).ready;
        assert_eq!(ready(Portion { events: 3, ..ALL }), 3);
        // Each payload has two bytes.
        assert_eq!(ready(Portion { bytes: 3, ..ALL }), 2);
        assert_eq!(ready(Portion { bytes: 1, ..ALL }), 1, "one message always goes");
        assert_eq!(ready(ALL), 4);
    }

    fn claims() -> Claims {
        let mut claims = Claims::default();
        let claim = |position| Claim { epoch: 1, reached: reached(1, position) };
        claims.take([(0, claim(10)), (1, claim(20))], Default::default());
        claims
    }

    #[test]
    fn partitions_are_surveyed_side_by_side() {
        let messages = [
            (0, Ok(message(1, 9, 5))),
            (0, Ok(message(1, 12, 10))),
            (1, Ok(message(1, 21, 20))),
            (0, Ok(message(1, 30, 12))),
        ];
        assert_eq!(
            survey(&pending(messages), &claims(), LOG, ALL),
            Survey { ready: 4, next: vec![1, 2, 3], stop: None }
        );
    }

    #[test]
    fn a_survey_ends_at_the_first_gap() {
        let messages = [(1, Ok(message(1, 21, 20))), (0, Ok(message(1, 15, 13))), (1, Ok(message(1, 22, 21)))];
        let gap = Some((0, Admission::Gap(Position(13))));
        assert_eq!(survey(&pending(messages), &claims(), LOG, ALL), Survey { ready: 1, next: vec![0], stop: gap });
    }

    #[test]
    fn a_message_that_is_none_of_ours_is_passed_over_and_leaves_a_gap() {
        let garbage = Err(InvalidMessage::Missing("ce_position"));
        let messages = [(0, garbage), (0, Ok(message(1, 15, 13)))];
        let gap = Some((0, Admission::Gap(Position(13))));
        assert_eq!(survey(&pending(messages), &claims(), LOG, ALL), Survey { ready: 1, next: vec![], stop: gap });
    }

    #[test]
    fn what_another_log_says_is_passed_over_whatever_its_position() {
        let from = |source, position, previous| Ok(Message { source, ..message(1, position, previous) });
        let (other, unidentified) = (Source::Log(LogId(Uuid::from_u128(2))), Source::Unidentified);
        let messages = [
            (0, from(other, 12, 10)),
            (0, from(other, 900, 800)),
            (0, from(unidentified, 12, 10)),
            (0, from(Source::Log(LOG), 13, 10)),
        ];
        assert_eq!(survey(&pending(messages), &claims(), LOG, ALL), Survey { ready: 4, next: vec![3], stop: None });
    }
}
