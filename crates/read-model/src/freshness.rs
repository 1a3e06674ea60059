//! How much of the log a projection contains, computed from three small tables, on a replica too.
//!
//! Read `relay_checkpoint`, `relay_partitions` and `projection_checkpoints` in **one statement** (one snapshot): the
//! relay writes its two tables in one transaction, so together they say which partition the last event went to.
//! Partitions of other categories than the projection's do not concern it; leave them out.

use std::collections::HashMap;

use events::{Category, LogPosition, Position};

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// What the topic holds.
    pub category: Category,
    /// Its number in the topic.
    pub number: i32,
}

/// How one partition of a projection stands to what was sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Everything that was sent to it is applied.
    CaughtUp,
    /// Sent, and not applied beyond this position.
    Behind(Position),
    /// The log was restored to before what the projection has applied: it must be rebuilt and promises nothing.
    Astray,
}

/// Position up to which everything is applied. `sent` are rows of `relay_partitions`; a partition without a checkpoint
/// has applied nothing. Conservative: it may say less than the truth while a partition lags, never more.
pub fn applied(
    relay: LogPosition,
    sent: &[(Partition, Position)],
    applied: &HashMap<Partition, LogPosition>,
) -> Position {
    let standing = sent.iter().map(|(partition, sent)| standing(relay, *sent, applied.get(partition).copied()));
    standing.fold(relay.position, |all, standing| match standing {
        Standing::CaughtUp => all,
        Standing::Behind(position) => all.min(position),
        Standing::Astray => Position::ZERO,
    })
}

/// Whether every event up to `token` of the streams in one partition is applied. `sent` is its row of
/// `relay_partitions`, `None` before the relay sent anything to it.
pub fn stream_applied(
    relay: LogPosition,
    sent: Option<Position>,
    applied: Option<LogPosition>,
    token: Position,
) -> bool {
    let sent = sent.unwrap_or(Position::ZERO);
    match standing(relay, sent, applied) {
        Standing::Astray => false,
        Standing::Behind(position) => position >= token,
        Standing::CaughtUp => relay.position >= token || applied.is_some_and(|applied| applied.position >= token),
    }
}

fn standing(relay: LogPosition, sent: Position, applied: Option<LogPosition>) -> Standing {
    let Some(applied) = applied else {
        return match sent {
            Position::ZERO => Standing::CaughtUp,
            _ => Standing::Behind(Position::ZERO),
        };
    };
    // In one life a projection may be ahead of `sent`: the relay writes its tables after Kafka has the events.
    if applied.incarnation < relay.incarnation && applied.position > sent {
        return Standing::Astray;
    }
    match applied.position < sent {
        true => Standing::Behind(applied.position),
        false => Standing::CaughtUp,
    }
}

#[cfg(test)]
mod tests {
    use events::Incarnation;
    use proptest::prelude::*;

    use super::*;

    const LIFE: Incarnation = Incarnation(1);

    fn partition(number: i32) -> Partition {
        Partition { category: Category::Order, number }
    }

    fn relay(position: i64) -> LogPosition {
        LogPosition { incarnation: LIFE, position: Position(position) }
    }

    fn at(position: i64) -> LogPosition {
        LogPosition { incarnation: LIFE, position: Position(position) }
    }

    fn rows(sent: &[i64], done: &[i64]) -> (Vec<(Partition, Position)>, HashMap<Partition, LogPosition>) {
        let sent = (0..).zip(sent).map(|(number, sent)| (partition(number), Position(*sent))).collect();
        (sent, (0..).zip(done).map(|(number, done)| (partition(number), at(*done))).collect())
    }

    #[test]
    fn when_nothing_lags_everything_the_relay_sent_is_applied() {
        let (sent, done) = rows(&[7, 9, 0], &[7, 9]);
        assert_eq!(applied(relay(12), &sent, &done), Position(12));
    }

    #[test]
    fn a_partition_that_lags_holds_the_position_back() {
        let (sent, done) = rows(&[7, 12], &[7, 9]);
        assert_eq!(applied(relay(12), &sent, &done), Position(9));
        let (sent, done) = rows(&[7, 12], &[7]);
        assert_eq!(applied(relay(12), &sent, &done), Position::ZERO);
    }

    #[test]
    fn a_stream_is_applied_when_its_own_partition_is() {
        assert!(stream_applied(relay(12), Some(Position(7)), Some(at(7)), Position(12)));
        assert!(!stream_applied(relay(12), Some(Position(7)), Some(at(6)), Position(7)));
        assert!(stream_applied(relay(12), Some(Position(7)), Some(at(6)), Position(6)));
        assert!(!stream_applied(relay(12), Some(Position(7)), Some(at(7)), Position(13)));
        assert!(!stream_applied(relay(12), Some(Position(7)), None, Position(7)));
        assert!(stream_applied(relay(12), None, None, Position(12)));
    }

    #[test]
    fn a_projection_that_is_ahead_of_the_relays_note_counts_as_far_as_it_has_come() {
        assert!(stream_applied(relay(12), Some(Position(7)), Some(at(15)), Position(15)));
    }

    #[test]
    fn a_projection_that_applied_what_was_lost_promises_nothing() {
        let next_life = LogPosition { incarnation: Incarnation(2), position: Position(12) };
        let (sent, done) = rows(&[7], &[20]);
        assert_eq!(applied(next_life, &sent, &done), Position::ZERO);
        assert!(!stream_applied(next_life, Some(Position(7)), Some(at(20)), Position(5)));
    }

    #[test]
    fn a_quiet_partition_of_the_life_before_is_caught_up() {
        let next_life = LogPosition { incarnation: Incarnation(2), position: Position(30) };
        let (sent, done) = rows(&[7], &[7]);
        assert_eq!(applied(next_life, &sent, &done), Position(30));
    }

    proptest! {
        /// Events 1..=n go to random partitions; each partition has applied a random number of its own.
        #[test]
        fn whatever_is_said_to_be_applied_is_applied(route in prop::collection::vec(0..4i32, 0..40), share in prop::array::uniform4(0..=100usize)) {
            let of = |number: i32| route.iter().zip(1i64..).filter(move |(to, _)| **to == number).map(|(_, at)| at).collect::<Vec<_>>();
            let mut sent = Vec::new();
            let mut done = HashMap::new();
            let mut missing = Vec::new();
            for number in 0..4 {
                let all = of(number);
                let count = all.len() * share[number as usize] / 100;
                if let Some(last) = all.last() {
                    sent.push((partition(number), Position(*last)));
                }
                if count > 0 {
                    done.insert(partition(number), at(all[count - 1]));
                }
                missing.extend_from_slice(&all[count..]);
                for token in 0..=route.len() as i64 {
                    let says = stream_applied(relay(route.len() as i64), all.last().map(|last| Position(*last)), done.get(&partition(number)).copied(), Position(token));
                    prop_assert_eq!(says, !all[count..].iter().any(|position| *position <= token) && (count == all.len() || token <= all[..count].last().copied().unwrap_or(0)));
                }
            }
            let position = applied(relay(route.len() as i64), &sent, &done);
            prop_assert!(missing.iter().all(|missing| *missing > position.0));
            if missing.is_empty() {
                prop_assert_eq!(position, Position(route.len() as i64));
            }
        }
    }
}
