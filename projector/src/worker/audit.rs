//! Compares periodically what was applied with what the relay has published. Finds partitions that are stuck, because
//! events were published that Kafka does not deliver and no later message shows the gap, and measures the lag.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use events::Position;
use read_model::Projection;
use read_model::freshness::{self, Partition};

use crate::claimed_partitions::ClaimedPartitions;
use crate::store::relay::Published;

/// Interval between audits. Events that Kafka has not delivered at the next audit, although Kafka has no more messages,
/// are read from the log.
const INTERVAL: Duration = Duration::from_secs(5);

/// After this number of audits at which no partition of the worker has progressed, the events are read from the log,
/// whatever messages Kafka may still have.
const AUDITS_MAX: u32 = 6;

/// The same while other partitions progress: in a backlog, messages of other partitions may be before those of this one.
const AUDITS_IN_BACKLOG_MAX: u32 = 60;

/// The state of the last audit.
#[derive(Debug, Default)]
pub(super) struct Audit {
    due: Option<Instant>,
    behind: BTreeMap<i32, Behind>,
    /// The checkpoints of all claimed partitions.
    checkpoints: BTreeMap<i32, Position>,
    /// Partitions that had a message which is not an event.
    suspects: BTreeSet<i32>,
}

/// A partition that was behind at the last audit.
#[derive(Debug, Clone, Copy)]
struct Behind {
    /// The checkpoint.
    checkpoint: Position,
    /// What had been published when the partition was first found at this checkpoint.
    published: Position,
    /// Number of audits that found the partition at this checkpoint.
    audits: u32,
}

impl Audit {
    /// A partition had a message that is not an event: the next audit does not wait for Kafka.
    pub(super) fn suspect(&mut self, partition: i32) {
        self.suspects.insert(partition);
    }

    /// Whether an audit is due; the next one is due after [`INTERVAL`].
    pub(super) fn take_due(&mut self) -> bool {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return false;
        }
        self.due = Some(Instant::now() + INTERVAL);
        true
    }

    /// The partitions that are stuck, with the position up to which the log is to be read. `is_at_end` is whether all
    /// messages of a partition were received; partitions that are `read_already` are read from the log already.
    pub(super) fn find_stuck(
        &mut self,
        published: &Published,
        claimed: &ClaimedPartitions,
        is_at_end: impl Fn(i32) -> bool,
        read_already: impl Fn(i32) -> bool,
    ) -> Vec<(i32, Position)> {
        let checkpoints = claimed.iter().map(|(partition, claim)| (partition, claim.checkpoint.position)).collect();
        let before = std::mem::replace(&mut self.checkpoints, checkpoints);
        let has_progressed =
            self.checkpoints.iter().any(|(partition, now)| before.get(partition).is_some_and(|it| it < now));
        let audits_max = if has_progressed { AUDITS_IN_BACKLOG_MAX } else { AUDITS_MAX };
        let (mut behind, mut stuck) = (BTreeMap::new(), Vec::new());
        for (partition, claim) in claimed.iter() {
            let checkpoint = claim.checkpoint.position;
            let published = published.partitions.get(&partition).copied().unwrap_or(Position::ZERO);
            if published <= checkpoint || read_already(partition) {
                continue;
            }
            let before = self.behind.get(&partition).filter(|before| before.checkpoint == checkpoint);
            let now = Behind {
                checkpoint,
                published: before.map_or(published, |it| it.published),
                audits: before.map_or(1, |it| it.audits + 1),
            };
            let is_stuck = now.audits > audits_max || (now.audits > 1 && is_at_end(partition));
            if is_stuck || self.suspects.contains(&partition) {
                stuck.push((partition, now.published));
            } else {
                behind.insert(partition, now);
            }
        }
        self.behind = behind;
        self.suspects.clear();
        stuck
    }
}

/// Position up to which all published events of the claimed partitions are applied.
pub(super) fn applied(projection: Projection, published: &Published, claimed: &ClaimedPartitions) -> Position {
    let category = projection.category();
    let partition = |number| Partition { category, number };
    let mut sent = Vec::new();
    let mut checkpoints = HashMap::new();
    for (number, claim) in claimed.iter() {
        checkpoints.insert(partition(number), claim.checkpoint);
        sent.extend(published.partitions.get(&number).map(|position| (partition(number), *position)));
    }
    freshness::applied(published.relay, &sent, &checkpoints)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use events::{Incarnation, LogPosition};

    use super::*;
    use crate::claimed_partitions::Claim;

    const STUCK: i32 = 0;
    const OTHER: i32 = 1;

    fn log_position(position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(1), position: Position(position) }
    }

    /// Number of audits, up to 100, after which partition [`STUCK`] is read from the log, where each audit finds partition
    /// [`OTHER`] at a checkpoint. Both are behind.
    fn audits_until_stuck(is_at_end: bool, other: impl Fn(i64) -> i64) -> Option<i64> {
        let published = Published {
            relay: log_position(1_000),
            partitions: [(STUCK, Position(900)), (OTHER, Position(1_000))].into(),
        };
        let mut audit = Audit::default();
        (1..=100).find(|number| {
            let mut claimed = ClaimedPartitions::default();
            let claim = |position| Claim { epoch: 1, checkpoint: log_position(position) };
            claimed.add([(STUCK, claim(5)), (OTHER, claim(other(*number)))], HashSet::new());
            let stuck = audit.find_stuck(&published, &claimed, |it| it == STUCK && is_at_end, |_| false);
            stuck.contains(&(STUCK, Position(900)))
        })
    }

    #[test]
    fn a_partition_whose_messages_were_all_received_is_read_from_the_log_at_the_second_audit() {
        assert_eq!(audits_until_stuck(true, |audit| audit), Some(2));
    }

    #[test]
    fn a_partition_is_read_from_the_log_after_audits_without_any_progress() {
        assert_eq!(audits_until_stuck(false, |_| 7), Some(i64::from(AUDITS_MAX) + 1));
    }

    #[test]
    fn a_partition_waits_longer_while_messages_of_other_partitions_are_applied() {
        assert_eq!(audits_until_stuck(false, |audit| audit), Some(i64::from(AUDITS_IN_BACKLOG_MAX) + 1));
    }
}
