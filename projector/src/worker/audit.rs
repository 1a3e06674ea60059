//! Compares, now and then, what was applied with what the relay says it has sent: the lag, and the proof that nothing
//! is stuck. What was sent and does not come from Kafka is read from the log, even where no later message shows the
//! gap.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use chrono::Utc;
use events::{LogPosition, Position};
use platform::metric_names as names;
use read_model::freshness::{self, Partition};

use super::{Healing, StepError, Worker};
use crate::model::Model;
use crate::store::standing::{self, Sent};

/// How often we look. What Kafka has not brought by the next look, though it has nothing left, is taken from the log.
const EVERY: Duration = Duration::from_secs(5);

/// After so many looks without any progress it is taken from the log whatever Kafka may still have.
const LOOKS_MAX: u32 = 6;

/// What was seen when we last looked.
#[derive(Debug, Default)]
pub(super) struct Audit {
    due: Option<Instant>,
    behind: BTreeMap<i32, Behind>,
    /// Partitions with a message that was none of ours.
    suspects: BTreeSet<i32>,
}

/// A partition that was behind when we last looked.
#[derive(Debug, Clone, Copy)]
struct Behind {
    /// How far it had come.
    reached: Position,
    /// What had been sent when it was seen there first.
    sent: Position,
    /// How often it was seen there.
    looks: u32,
}

impl Audit {
    /// Something is wrong with a partition: do not wait for it.
    pub(super) fn suspect(&mut self, partition: i32) {
        self.suspects.insert(partition);
    }
}

impl<M: Model> Worker<M> {
    /// Looks, if it is time.
    pub(super) async fn audit_when_due(&mut self) -> Result<(), StepError> {
        if self.audit.due.is_some_and(|due| Instant::now() < due) {
            return Ok(());
        }
        self.audit.due = Some(Instant::now() + EVERY);
        self.audit().await
    }

    /// Looks, and has healed what is stuck since the last look.
    pub async fn audit(&mut self) -> Result<(), StepError> {
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        let ahead = self.months.ensure_ahead(connection, M::BY_MONTH, Utc::now());
        match patience.doing("making months ahead", ahead).await {
            // It parks what needs the month, and nothing else has to wait for it.
            Err(error) if error.is_about_data() => {
                tracing::error!(%error, "the partition of a coming month cannot be created")
            }
            ensured => ensured?,
        }
        let sent =
            patience.doing("reading what was sent", standing::find_sent(connection, M::PROJECTION.category())).await?;
        self.dependencies.postgres.up();
        self.heal_what_is_stuck(&sent);
        self.measure_lag(&sent).await
    }

    fn heal_what_is_stuck(&mut self, sent: &Sent) {
        let Some(feed) = &self.feed else { return };
        let mut behind = BTreeMap::new();
        for (partition, claim) in self.claims.iter() {
            let reached = claim.reached.position;
            let sent = sent.partitions.get(&partition).copied().unwrap_or(Position::ZERO);
            if sent <= reached || self.healing.contains_key(&partition) {
                continue;
            }
            let before = self.audit.behind.get(&partition).filter(|before| before.reached == reached);
            let now =
                Behind { reached, sent: before.map_or(sent, |it| it.sent), looks: before.map_or(1, |it| it.looks + 1) };
            let is_stuck = now.looks > LOOKS_MAX || (now.looks > 1 && feed.is_at_end(partition));
            if !is_stuck && !self.audit.suspects.contains(&partition) {
                behind.insert(partition, now);
                continue;
            }
            tracing::warn!(
                projection = M::PROJECTION.name(),
                kafka.partition = partition,
                event.position = now.sent.0,
                "Kafka does not bring what was sent; reading it from the log"
            );
            self.healing.insert(partition, Healing::up_to(now.sent));
        }
        self.audit.behind = behind;
        self.audit.suspects.clear();
    }

    async fn measure_lag(&mut self, sent: &Sent) -> Result<(), StepError> {
        let category = M::PROJECTION.category();
        let partition = |number| Partition { category, number };
        let mut ours = Vec::new();
        let mut applied = HashMap::new();
        for (number, claim) in self.claims.iter() {
            let (incarnation, position) = (claim.reached.incarnation, claim.reached.position);
            applied.insert(partition(number), LogPosition { incarnation, position });
            ours.extend(sent.partitions.get(&number).map(|sent| (partition(number), *sent)));
        }
        let applied = freshness::applied(sent.relay, &ours, &applied);
        let lag_events = sent.relay.position.0 - applied.0;
        let mut lag_seconds = 0.0;
        if lag_events > 0 {
            let patience = self.store.patience();
            let connection = self.store.connection().await?;
            let oldest =
                patience.doing("reading the oldest event", standing::find_recorded_after(connection, applied)).await?;
            lag_seconds = oldest.map_or(0.0, |oldest| (Utc::now() - oldest).as_seconds_f64().max(0.0));
        }
        self.gauge(names::PROJECTOR_LAG_EVENTS, lag_events as f64);
        self.gauge(names::PROJECTOR_LAG_SECONDS, lag_seconds);
        Ok(())
    }
}
