//! Decides what to do with a message of a feed, given the checkpoint of its partition. Pure. That no event is missed
//! or applied twice follows from log positions alone, never from Kafka's offsets. Positions are only comparable within
//! one log, so a message is admitted only if its source is the log of this platform. Kafka keeps the events that the log
//! has lost ([`EndedIncarnations`]); they are never admitted.

use std::collections::{BTreeMap, VecDeque};

use events::cloudevents::Message;
use events::{LogId, LogPosition, Position, Source};

use crate::claimed_partitions::ClaimedPartitions;
use crate::ended_incarnations::EndedIncarnations;
use crate::feed::Delivery;
use crate::next_event::log_position;
use crate::store::log::PageLimit;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Skip the event: it was applied before.
    Seen,
    /// Skip the event: the log has lost it.
    Lost,
    /// Apply the event.
    Next,
    /// Not all events before this one were delivered: first apply the events of the log up to and including this
    /// position.
    Gap(Position),
    /// Stop: the log was restored to a position before the checkpoint, so the projection must be rebuilt.
    AheadOfLog,
}

/// Decides what to do with a message, given the checkpoint of its partition.
pub fn admit(checkpoint: LogPosition, ended: &EndedIncarnations, message: &Message) -> Admission {
    if ended.is_lost(log_position(&message.event)) {
        return Admission::Lost;
    }
    if log_position(&message.event) <= checkpoint {
        return Admission::Seen;
    }
    if message.previous > checkpoint.position {
        return Admission::Gap(message.previous);
    }
    // Within one incarnation `previous` may be below the checkpoint: a relay that restarted may know less than was
    // applied.
    if message.event.incarnation > checkpoint.incarnation && message.previous < checkpoint.position {
        return Admission::AheadOfLog;
    }
    Admission::Next
}

/// The log that a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The log of this platform.
    Ours,
    /// The log of another platform: the message is never applied.
    Foreign,
    /// Unknown, because an early release published messages without the identity of the log. The message is never
    /// applied; the events of the log up to its position are applied instead.
    Unidentified,
}

/// The log that a message comes from, for a platform with this log.
pub fn origin(log: LogId, message: &Message) -> Origin {
    match message.source {
        Source::Log(source) if source == log => Origin::Ours,
        Source::Log(_) => Origin::Foreign,
        Source::Unidentified => Origin::Unidentified,
    }
}

/// The pending messages that can be processed now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Number of messages from the front that can be processed: applied or skipped.
    pub processed: usize,
    /// Indexes of the messages to apply.
    pub next: Vec<usize>,
    /// Partition and admission of the message after them, if that message cannot be processed.
    pub blocked: Option<(i32, Admission)>,
}

/// Admits pending messages in order, as if each were applied at once, up to the first one that cannot be processed or
/// until the messages to apply reach the limit.
pub fn admit_pending(
    pending: &VecDeque<Delivery>,
    claimed: &ClaimedPartitions,
    log: LogId,
    limit: PageLimit,
) -> Admitted {
    let mut checkpoints: BTreeMap<i32, LogPosition> =
        claimed.iter().map(|(partition, claim)| (partition, claim.checkpoint)).collect();
    let mut admitted = Admitted::default();
    let mut bytes = 0;
    for (index, delivery) in pending.iter().enumerate() {
        if admitted.next.len() >= limit.events || bytes >= limit.bytes {
            break;
        }
        let Delivery { partition, message, .. } = delivery;
        // A message that is not a valid event of this log is skipped; the event that it replaced then shows as a gap.
        if let (Ok(message), Some(checkpoint)) = (message, checkpoints.get_mut(partition))
            && origin(log, message) == Origin::Ours
        {
            match admit(*checkpoint, claimed.ended(), message) {
                Admission::Seen | Admission::Lost => {}
                Admission::Next => {
                    admitted.next.push(index);
                    bytes += delivery.bytes();
                    *checkpoint = log_position(&message.event);
                }
                blocked @ (Admission::Gap(_) | Admission::AheadOfLog) => {
                    admitted.blocked = Some((*partition, blocked));
                    break;
                }
            }
        }
        admitted.processed += 1;
    }
    admitted
}

#[cfg(test)]
mod tests {
    use events::cloudevents::InvalidMessage;
    use events::{Incarnation, Metadata, Recorded, Version};
    use uuid::Uuid;

    use crate::claimed_partitions::Claim;

    use super::*;

    const LOG: LogId = LogId(Uuid::from_u128(1));

    /// Admits a message in the first incarnation.
    fn admit(checkpoint: LogPosition, message: &Message) -> Admission {
        super::admit(checkpoint, &EndedIncarnations::default(), message)
    }

    fn checkpoint(incarnation: i32, position: i64) -> LogPosition {
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
        assert_eq!(admit(checkpoint(1, 10), &message(1, 13, 10)), Admission::Next);
        assert_eq!(admit(checkpoint(1, 0), &message(1, 1, 0)), Admission::Next);
    }

    #[test]
    fn an_applied_event_is_seen_however_often_it_is_delivered() {
        assert_eq!(admit(checkpoint(1, 10), &message(1, 10, 7)), Admission::Seen);
        assert_eq!(admit(checkpoint(1, 10), &message(1, 3, 0)), Admission::Seen);
    }

    #[test]
    fn a_message_whose_predecessor_was_not_applied_shows_a_gap() {
        assert_eq!(admit(checkpoint(1, 10), &message(1, 15, 13)), Admission::Gap(Position(13)));
        assert_eq!(admit(checkpoint(1, 0), &message(1, 15, 13)), Admission::Gap(Position(13)));
    }

    #[test]
    fn the_next_incarnation_continues_where_the_last_one_ended() {
        assert_eq!(admit(checkpoint(1, 10), &message(2, 13, 10)), Admission::Next);
        assert_eq!(admit(checkpoint(1, 10), &message(2, 15, 13)), Admission::Gap(Position(13)));
    }

    #[test]
    fn a_projection_is_ahead_of_a_log_whose_next_incarnation_lost_applied_events() {
        assert_eq!(admit(checkpoint(1, 10), &message(2, 13, 7)), Admission::AheadOfLog);
        assert_eq!(admit(checkpoint(1, 10), &message(2, 9, 7)), Admission::AheadOfLog);
    }

    #[test]
    fn an_event_of_an_ended_incarnation_is_seen() {
        assert_eq!(admit(checkpoint(2, 9), &message(1, 12, 9)), Admission::Seen);
    }

    #[test]
    fn an_event_that_the_log_has_lost_is_never_admitted() {
        let ended = EndedIncarnations::new(Incarnation(2), [(Incarnation(1), Position(10))]);
        let admit = |message| super::admit(checkpoint(1, 7), &ended, &message);
        assert_eq!(admit(message(1, 12, 7)), Admission::Lost);
        assert_eq!(admit(message(1, 15, 12)), Admission::Lost, "what follows a lost event shows no gap");
        assert_eq!(admit(message(1, 10, 7)), Admission::Next, "the last event before the end");
        assert_eq!(admit(message(2, 11, 7)), Admission::Next);
    }

    fn pending(messages: impl IntoIterator<Item = (i32, Result<Message, InvalidMessage>)>) -> VecDeque<Delivery> {
        let deliveries = messages.into_iter().zip(0..);
        deliveries.map(|((partition, message), offset)| Delivery { partition, offset, message }).collect()
    }

    const ALL: PageLimit = PageLimit { events: usize::MAX, bytes: usize::MAX };

    #[test]
    fn admission_ends_at_the_limit() {
        let messages = || pending((11..15).map(|position| (0, Ok(message(1, position, position - 1)))));
        let processed = |limit| admit_pending(&messages(), &claimed(), LOG, limit).processed;
        assert_eq!(processed(PageLimit { events: 3, ..ALL }), 3);
        // Each payload has two bytes.
        assert_eq!(processed(PageLimit { bytes: 3, ..ALL }), 2);
        assert_eq!(processed(PageLimit { bytes: 1, ..ALL }), 1, "one message is always admitted");
        assert_eq!(processed(ALL), 4);
    }

    fn claimed() -> ClaimedPartitions {
        let mut claimed = ClaimedPartitions::default();
        let claim = |position| Claim { epoch: 1, checkpoint: checkpoint(1, position) };
        claimed.add([(0, claim(10)), (1, claim(20))], Default::default());
        claimed
    }

    #[test]
    fn partitions_are_admitted_independently() {
        let messages = [
            (0, Ok(message(1, 9, 5))),
            (0, Ok(message(1, 12, 10))),
            (1, Ok(message(1, 21, 20))),
            (0, Ok(message(1, 30, 12))),
        ];
        assert_eq!(
            admit_pending(&pending(messages), &claimed(), LOG, ALL),
            Admitted { processed: 4, next: vec![1, 2, 3], blocked: None }
        );
    }

    #[test]
    fn admission_ends_at_the_first_gap() {
        let messages = [(1, Ok(message(1, 21, 20))), (0, Ok(message(1, 15, 13))), (1, Ok(message(1, 22, 21)))];
        let gap = Some((0, Admission::Gap(Position(13))));
        assert_eq!(
            admit_pending(&pending(messages), &claimed(), LOG, ALL),
            Admitted { processed: 1, next: vec![0], blocked: gap }
        );
    }

    #[test]
    fn an_invalid_message_is_skipped_and_leaves_a_gap() {
        let garbage = Err(InvalidMessage::Missing("ce_position"));
        let messages = [(0, garbage), (0, Ok(message(1, 15, 13)))];
        let gap = Some((0, Admission::Gap(Position(13))));
        assert_eq!(
            admit_pending(&pending(messages), &claimed(), LOG, ALL),
            Admitted { processed: 1, next: vec![], blocked: gap }
        );
    }

    #[test]
    fn messages_of_another_log_are_skipped_whatever_their_position() {
        let from = |source, position, previous| Ok(Message { source, ..message(1, position, previous) });
        let (other, unidentified) = (Source::Log(LogId(Uuid::from_u128(2))), Source::Unidentified);
        let messages = [
            (0, from(other, 12, 10)),
            (0, from(other, 900, 800)),
            (0, from(unidentified, 12, 10)),
            (0, from(Source::Log(LOG), 13, 10)),
        ];
        assert_eq!(
            admit_pending(&pending(messages), &claimed(), LOG, ALL),
            Admitted { processed: 4, next: vec![3], blocked: None }
        );
    }
}
