//! Computes the freshness of a projection (how much of the log it contains) from three small tables, on the primary or
//! on a replica.
//!
//! Read `relay_checkpoint`, `relay_partitions` and `projection_checkpoints` in **one statement**, so in one snapshot:
//! the relay writes its two tables in one transaction, and only together they show the partition of the last event.
//! Leave out the partitions of categories that the projection does not fold.

use std::collections::HashMap;

use events::{Category, LogPosition, Position};

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Category of the topic.
    pub category: Category,
    /// Number of the partition in the topic.
    pub number: i32,
}

/// Progress of a projection in one partition, compared with what the relay has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// All published events are applied.
    CaughtUp,
    /// Published events after this position are not applied.
    Behind(Position),
    /// The log was restored to a position before the checkpoint, so the projection must be rebuilt; nothing counts as
    /// applied.
    AheadOfLog,
}

/// Position up to which all events are applied. `sent` are rows of `relay_partitions`; in a partition without a
/// checkpoint nothing is applied. The result is conservative: it may be too low while a partition lags, never too high.
pub fn applied(
    relay: LogPosition,
    sent: &[(Partition, Position)],
    applied: &HashMap<Partition, LogPosition>,
) -> Position {
    let progress = sent.iter().map(|(partition, sent)| progress(relay, *sent, applied.get(partition).copied()));
    progress.fold(relay.position, |all, progress| match progress {
        Progress::CaughtUp => all,
        Progress::Behind(position) => all.min(position),
        Progress::AheadOfLog => Position::ZERO,
    })
}

/// Whether all events up to `token` of the streams in one partition are applied. `sent` is the row of the partition in
/// `relay_partitions`, `None` before the relay published to the partition.
pub fn stream_applied(
    relay: LogPosition,
    sent: Option<Position>,
    applied: Option<LogPosition>,
    token: Position,
) -> bool {
    let sent = sent.unwrap_or(Position::ZERO);
    match progress(relay, sent, applied) {
        Progress::AheadOfLog => false,
        Progress::Behind(position) => position >= token,
        Progress::CaughtUp => relay.position >= token || applied.is_some_and(|applied| applied.position >= token),
    }
}

fn progress(relay: LogPosition, sent: Position, applied: Option<LogPosition>) -> Progress {
    let Some(applied) = applied else {
        return match sent {
            Position::ZERO => Progress::CaughtUp,
            _ => Progress::Behind(Position::ZERO),
        };
    };
    // Within one incarnation a projection may be ahead of `sent`, because the relay writes its tables after Kafka has
    // the events.
    if applied.incarnation < relay.incarnation && applied.position > sent {
        return Progress::AheadOfLog;
    }
    match applied.position < sent {
        true => Progress::Behind(applied.position),
        false => Progress::CaughtUp,
    }
}

#[cfg(test)]
mod tests {
    use events::Incarnation;
    use proptest::prelude::*;

    use super::*;

    const FIRST: Incarnation = Incarnation(1);

    fn partition(number: i32) -> Partition {
        Partition { category: Category::Order, number }
    }

    fn relay(position: i64) -> LogPosition {
        LogPosition { incarnation: FIRST, position: Position(position) }
    }

    fn at(position: i64) -> LogPosition {
        LogPosition { incarnation: FIRST, position: Position(position) }
    }

    fn rows(sent: &[i64], done: &[i64]) -> (Vec<(Partition, Position)>, HashMap<Partition, LogPosition>) {
        let sent = (0..).zip(sent).map(|(number, sent)| (partition(number), Position(*sent))).collect();
        (sent, (0..).zip(done).map(|(number, done)| (partition(number), at(*done))).collect())
    }

    #[test]
    fn without_lag_all_published_events_are_applied() {
        let (sent, done) = rows(&[7, 9, 0], &[7, 9]);
        assert_eq!(applied(relay(12), &sent, &done), Position(12));
    }

    #[test]
    fn a_partition_that_lags_limits_the_position() {
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
    fn a_projection_ahead_of_the_relays_checkpoint_counts_up_to_its_own_checkpoint() {
        assert!(stream_applied(relay(12), Some(Position(7)), Some(at(15)), Position(15)));
    }

    #[test]
    fn a_projection_ahead_of_the_log_counts_as_not_applied() {
        let next_incarnation = LogPosition { incarnation: Incarnation(2), position: Position(12) };
        let (sent, done) = rows(&[7], &[20]);
        assert_eq!(applied(next_incarnation, &sent, &done), Position::ZERO);
        assert!(!stream_applied(next_incarnation, Some(Position(7)), Some(at(20)), Position(5)));
    }

    #[test]
    fn a_partition_without_events_in_the_new_incarnation_is_caught_up() {
        let next_incarnation = LogPosition { incarnation: Incarnation(2), position: Position(30) };
        let (sent, done) = rows(&[7], &[7]);
        assert_eq!(applied(next_incarnation, &sent, &done), Position(30));
    }

    proptest! {
        /// Events 1..=n go to random partitions; each partition has applied a random number of its own.
        #[test]
        fn the_computed_position_is_applied(route in prop::collection::vec(0..4i32, 0..40), share in prop::array::uniform4(0..=100usize)) {
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
