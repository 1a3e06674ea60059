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

/// After this number of audits without progress the events are read from the log, whatever messages Kafka may still
/// have.
const AUDITS_MAX: u32 = 6;

/// The state of the last audit.
#[derive(Debug, Default)]
pub(super) struct Audit {
    due: Option<Instant>,
    behind: BTreeMap<i32, Behind>,
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
            let is_stuck = now.audits > AUDITS_MAX || (now.audits > 1 && is_at_end(partition));
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
