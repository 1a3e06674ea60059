//! Measures the lag of replicas with the clock of this process.
//!
//! Each probe of the primary records its end of the write-ahead log and the time. The lag of a replica is the age of the
//! oldest recorded end that the replica has not replayed. So an idle primary causes no lag, and a replica that lost its
//! connection to the primary has a growing lag.
//!
//! After a failover the new primary may be at an earlier byte than the old one, because it never received the last bytes;
//! what only the old primary had is not waited for. A replica whose log has an earlier incarnation than that of the primary
//! is behind, whatever its byte.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use events::{Incarnation, LogPosition};

/// Maximum number of recorded ends; at one in half a second these are an hour, and a larger lag need not be exact. A replica that
/// has replayed none of them lags at least since the oldest.
const RECORDS_MAX: usize = 7200;

/// The progress of a server: the incarnation of the log and the byte offset in the write-ahead log.
pub(super) type WalEnd = (Incarnation, i64);

/// The recorded ends of the write-ahead log on the primary.
#[derive(Default)]
pub(super) struct ReplicaLag {
    /// The last event in the log on the primary, once the primary was probed.
    head: Option<LogPosition>,
    /// The last ends, and when they were recorded; oldest first, so in ascending order.
    ends: VecDeque<(WalEnd, Instant)>,
}

impl ReplicaLag {
    /// The last event in the log on the primary; `None` before the first probe.
    pub(super) fn head(&self) -> Option<LogPosition> {
        self.head
    }

    /// Records a probe of the primary.
    pub(super) fn record_primary(&mut self, head: LogPosition, wal: i64, now: Instant) {
        self.head = Some(head);
        self.record((head.incarnation, wal), now);
    }

    fn record(&mut self, end: WalEnd, now: Instant) {
        // The end of a primary never decreases: this is a new primary, and no server will replay what it does not have.
        while self.ends.back().is_some_and(|(last, _)| *last > end) {
            self.ends.pop_back();
        }
        if self.ends.back().is_some_and(|(last, _)| *last == end) {
            return;
        }
        if self.ends.len() >= RECORDS_MAX {
            self.ends.pop_front();
        }
        self.ends.push_back((end, now));
    }

    /// The lag of a replica that has replayed up to `end`.
    pub(super) fn of(&self, end: WalEnd, now: Instant) -> Duration {
        let replayed = self.ends.partition_point(|(recorded, _)| *recorded <= end);
        self.ends.get(replayed).map_or(Duration::ZERO, |(_, recorded_at)| now.duration_since(*recorded_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte offset in the first incarnation.
    fn at(wal: i64) -> WalEnd {
        (Incarnation(1), wal)
    }

    fn second(began: Instant) -> impl Fn(u64) -> Instant {
        move |second| began + Duration::from_secs(second)
    }

    #[test]
    fn a_replica_lags_since_the_primary_was_at_the_first_end_that_is_not_replayed() {
        let (mut lag, second) = (ReplicaLag::default(), second(Instant::now()));
        lag.record(at(100), second(0));
        assert_eq!(lag.of(at(100), second(1)), Duration::ZERO);
        lag.record(at(200), second(2));
        lag.record(at(300), second(3));
        assert_eq!(lag.of(at(150), second(5)), Duration::from_secs(3));
        assert_eq!(lag.of(at(250), second(6)), Duration::from_secs(3));
        assert_eq!(lag.of(at(300), second(7)), Duration::ZERO);
    }

    #[test]
    fn an_idle_primary_causes_no_lag_and_a_disconnected_replica_does() {
        let (mut lag, second) = (ReplicaLag::default(), second(Instant::now()));
        (0..60).for_each(|number| lag.record(at(100), second(number)));
        assert_eq!(lag.of(at(100), second(60)), Duration::ZERO);
        (60..90).for_each(|number| lag.record(at(100 + number as i64), second(number)));
        assert_eq!(lag.of(at(100), second(90)), Duration::from_secs(30));
    }

    #[test]
    fn what_only_a_lost_primary_had_is_not_waited_for() {
        let (mut lag, second) = (ReplicaLag::default(), second(Instant::now()));
        lag.record(at(900), second(0));
        lag.record(at(1000), second(1));
        // The new primary had replayed no more than this.
        lag.record(at(950), second(9));
        assert_eq!(lag.of(at(940), second(10)), Duration::from_secs(1));
        assert_eq!(lag.of(at(950), second(11)), Duration::ZERO);
    }

    #[test]
    fn each_replica_has_its_own_lag_however_long_another_one_is_lost() {
        let (mut lag, second) = (ReplicaLag::default(), second(Instant::now()));
        (0..2 * RECORDS_MAX as u64).for_each(|number| lag.record(at(100 + number as i64), second(number)));
        let last = 2 * RECORDS_MAX as i64 - 1;
        assert_eq!(lag.of(at(100 + last), second(last as u64)), Duration::ZERO);
        assert_eq!(lag.of(at(100 + last - 3), second(last as u64)), Duration::from_secs(2));
        assert_eq!(lag.of(at(100), second(last as u64)), Duration::from_secs(RECORDS_MAX as u64 - 1));
    }

    #[test]
    fn a_replica_with_lost_events_is_behind_until_it_has_the_incarnation_of_the_primary() {
        let (mut lag, second) = (ReplicaLag::default(), second(Instant::now()));
        lag.record((Incarnation(1), 900), second(0));
        lag.record((Incarnation(2), 950), second(5));
        assert_eq!(lag.of((Incarnation(1), 1000), second(9)), Duration::from_secs(4));
        assert_eq!(lag.of((Incarnation(2), 960), second(10)), Duration::ZERO);
    }
}
