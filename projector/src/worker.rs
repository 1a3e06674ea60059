//! The worker of one projection: a step takes what there is, applies it in one statement, and notes how far it has
//! come; the loop waits, backs off and stops.
//!
//! Everything in memory (documents, parked streams, positions) is true only while the claims on the partitions hold,
//! and every write proves that they do. So any failure is answered in one way: forget everything, claim again, read
//! again. What came from Kafka and is not applied stays in `pending`. [`apply`] writes a batch, [`audit`] compares with
//! the relay.

use std::collections::{BTreeMap, VecDeque};

use events::cloudevents::Message;
use events::{LogId, Position, Recorded, topics};
use platform::backoff::Backoff;
use platform::health::{Component, Health};
use platform::metric_names as names;
use platform::shutdown::Shutdown;

use crate::admission::{Admission, Origin, origin, survey};
use crate::batch::{Arrival, stamp};
use crate::cache::Cache;
use crate::claims::Claims;
use crate::config::{FeedConfig, Limits};
use crate::documents::Documents;
use crate::feed::{BATCH_BYTES_MAX, Delivery, Feed, FeedError, Start};
use crate::model::Model;
use crate::store::log::Portion;
use crate::store::months::Months;
use crate::store::{self, Store, StoreError, log};

mod apply;
mod audit;

use apply::Stride;
use audit::Audit;

/// What one step reads of the log to heal a gap.
const HEAL: Portion = Portion { events: 5_000, bytes: BATCH_BYTES_MAX };

/// Messages kept while a gap is healed or a failure repeated; at this number, or with so many bytes, fetching stops.
const PENDING: Portion = Portion { events: 10_000, bytes: 32 * 1024 * 1024 };

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing came.
    Idle,
    /// So many events are behind us, applied or parked.
    Applied(usize),
    /// So many events were read from the log instead of from Kafka.
    Healed(usize),
}

/// Why a step did not work. The next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// PostgreSQL failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka failed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Somebody else has claimed a partition of ours.
    #[error("another worker has claimed a partition of ours")]
    Lost,
    /// The log was restored to before what this projection has applied, or to before what was sent.
    #[error(
        "partition {partition}: {} was applied or sent, and the log does not have it; rebuild the projection",
        .position.0
    )]
    Astray {
        /// The partition.
        partition: i32,
        /// The position that the log does not have.
        position: Position,
    },
    /// Too many streams are parked to go on.
    #[error("{0} streams are parked: this build seems older than the log; deploy a newer one, or raise PARKED_MAX")]
    TooManyParked(usize),
}

/// The worker of one projection.
pub struct Worker<M: Model> {
    feed_config: FeedConfig,
    limits: Limits,
    store: Store,
    cache: Option<Cache>,
    dependencies: Dependencies,
    feed: Option<Feed>,
    start: Start,
    claims: Claims,
    /// Our log; known while there are claims.
    log: Option<LogId>,
    /// Whether somebody was told of messages that are not of our log.
    told: Told,
    documents: Documents<M::Document>,
    stride: Stride,
    months: Months,
    pending: VecDeque<Delivery>,
    healing: BTreeMap<i32, Healing>,
    audit: Audit,
}

/// A partition that misses events up to and with `upto`; the log is looked through up to `scanned`.
#[derive(Debug, Clone, Copy)]
struct Healing {
    upto: Position,
    scanned: Position,
    /// Whether the log must have an event of the partition at `upto`. A message that does not say its log proves nothing.
    is_proven: bool,
}

impl Healing {
    fn up_to(upto: Position) -> Healing {
        Healing { upto, scanned: Position::ZERO, is_proven: true }
    }
}

/// What was logged once.
#[derive(Debug, Default)]
struct Told {
    foreign: bool,
    unproven: bool,
}

/// What a worker says of its health.
struct Dependencies {
    postgres: Component,
    kafka: Component,
    /// Down while going on would make the read model wrong.
    projection: Component,
}

impl<M: Model> Worker<M> {
    /// A worker that has not begun.
    pub fn new(
        feed_config: FeedConfig,
        limits: Limits,
        store: Store,
        cache: Option<Cache>,
        health: &Health,
    ) -> Worker<M> {
        let dependencies = Dependencies {
            postgres: health.component("postgres"),
            kafka: health.component("kafka"),
            projection: health.component(M::PROJECTION.name()),
        };
        Worker {
            documents: Documents::new(limits.documents),
            stride: Stride::new(limits.batch_events),
            dependencies,
            feed_config,
            limits,
            store,
            cache,
            feed: None,
            start: Start::Committed,
            claims: Claims::default(),
            log: None,
            told: Told::default(),
            months: Months::default(),
            pending: VecDeque::new(),
            healing: BTreeMap::new(),
            audit: Audit::default(),
        }
    }

    /// Steps until asked to stop, then leaves the group.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut backoff = Backoff::new();
        while !shutdown.is_requested() {
            match self.step().await {
                Ok(_) => backoff.reset(),
                Err(_) => {
                    shutdown.unless_requested(tokio::time::sleep(backoff.next_delay())).await;
                }
            }
        }
        self.close().await;
    }

    /// Takes what there is and applies it. After an error nothing is lost: call it again.
    pub async fn step(&mut self) -> Result<Outcome, StepError> {
        let stepped = self.try_step().await;
        match &stepped {
            Ok(_) => self.dependencies.projection.up(),
            Err(error) => self.recover(error).await,
        }
        stepped
    }

    /// Leaves the group, so that others take over at once.
    pub async fn close(mut self) {
        if let Some(feed) = self.feed.take() {
            feed.close().await;
        }
    }

    async fn try_step(&mut self) -> Result<Outcome, StepError> {
        // Both are tried before either fails the step, so that each says whether it is there.
        let connected = self.connect().await;
        self.audit_when_due().await?;
        connected?;
        self.gather().await?;
        self.claim_assigned().await?;
        match self.healing.is_empty() {
            true => self.apply_pending().await,
            false => self.heal().await,
        }
    }

    async fn connect(&mut self) -> Result<(), FeedError> {
        if self.feed.is_none() {
            let health = self.dependencies.kafka.clone();
            self.feed = Some(Feed::connect(&self.feed_config, M::PROJECTION, self.start, health).await?);
            self.start = Start::Committed;
        }
        Ok(())
    }

    fn feed(&mut self) -> &mut Feed {
        self.feed.as_mut().expect("a step connects first")
    }

    /// Takes messages in; while others still wait it only keeps us in the group.
    async fn gather(&mut self) -> Result<(), FeedError> {
        if self.pending.is_empty() && self.healing.is_empty() {
            let limits = self.limits.clone();
            let deliveries = self.feed().next_batch(&limits).await?;
            self.pending.extend(deliveries);
            return Ok(());
        }
        let room = room(&self.pending);
        if room.events == 0 || room.bytes == 0 {
            self.feed().hold();
        }
        let deliveries = self.feed().drain(room.events.max(1), room.bytes.max(1))?;
        self.pending.extend(deliveries);
        Ok(())
    }

    /// Follows the group: forgets what is not ours any more, claims what is.
    async fn claim_assigned(&mut self) -> Result<(), StepError> {
        let assigned = self.feed().assigned();
        if self.claims.iter().any(|(partition, _)| !assigned.contains(&partition)) {
            self.forget();
        }
        self.pending.retain(|delivery| assigned.contains(&delivery.partition));
        self.healing.retain(|partition, _| assigned.contains(partition));
        let new: Vec<i32> = assigned.into_iter().filter(|partition| self.claims.get(*partition).is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        self.log = Some(patience.doing("reading the identity of the log", log::find_id(connection)).await?);
        let claims = patience.doing("claiming partitions", store::claim(connection, M::PROJECTION, &new)).await?;
        let parked = patience.doing("reading parked streams", store::list_parked(connection, M::PROJECTION)).await?;
        self.dependencies.postgres.up();
        self.claims.take(claims, parked);
        self.gauge(names::PROJECTOR_PARTITIONS, self.claims.iter().count() as f64);
        self.gauge(names::PROJECTOR_PARKED_STREAMS, self.claims.parked() as f64);
        Ok(())
    }

    /// Applies what is next of the messages, up to the first gap.
    async fn apply_pending(&mut self) -> Result<Outcome, StepError> {
        let Some(log) = self.log else { return Ok(Outcome::Idle) };
        let portion = Portion { events: self.stride.events(), bytes: BATCH_BYTES_MAX };
        let survey = survey(&self.pending, &self.claims, log, portion);
        match survey.stop {
            Some((partition, Admission::Gap(upto))) if survey.ready == 0 => {
                return self.heal_from_here(partition, upto).await;
            }
            Some((partition, Admission::Astray)) if survey.ready == 0 => {
                let position = self.claims.get(partition).map_or(Position::ZERO, |claim| claim.reached.position);
                return Err(StepError::Astray { partition, position });
            }
            _ => {}
        }
        let ready: Vec<Delivery> = self.pending.drain(..survey.ready).collect();
        let arrivals: Vec<Arrival<'_>> = survey.next.iter().filter_map(|index| arrival(&ready[*index])).collect();
        let applied = self.apply(&arrivals).await;
        if let Err(error) = applied {
            ready.into_iter().rev().for_each(|delivery| self.pending.push_front(delivery));
            return Err(error);
        }
        self.count(names::PROJECTOR_EVENTS_SEEN_TOTAL, ready.len() - arrivals.len());
        self.pass(log, &ready);
        match ready.len() {
            0 => Ok(Outcome::Idle),
            passed => Ok(Outcome::Applied(passed)),
        }
    }

    /// Notes that messages are behind us.
    fn pass(&mut self, log: LogId, ready: &[Delivery]) {
        for Delivery { partition, offset, message } in ready {
            self.feed().done(*partition, offset + 1);
            let reason = match message {
                Ok(message) => {
                    self.pass_stranger(log, *partition, message);
                    continue;
                }
                Err(reason) => reason,
            };
            tracing::error!(
                projection = M::PROJECTION.name(),
                kafka.partition = partition,
                kafka.offset = offset,
                reason = %reason,
                "a message is not one of our events; its place is filled from the log"
            );
            self.count(names::PROJECTOR_MESSAGES_UNREADABLE_TOTAL, 1);
            self.audit.suspect(*partition);
        }
        self.feed().commit_when_due();
    }

    /// A message that is not of our log is not applied: told once, counted always. What our log has up to the position of one
    /// that does not say its log is applied in its stead.
    fn pass_stranger(&mut self, log: LogId, partition: i32, message: &Message) {
        let (projection, source) = (M::PROJECTION.name(), message.source.to_string());
        match origin(log, message) {
            Origin::Ours => {}
            Origin::Foreign => {
                self.count(names::PROJECTOR_MESSAGES_FOREIGN_TOTAL, 1);
                if !std::mem::replace(&mut self.told.foreign, true) {
                    tracing::error!(
                        projection,
                        kafka.partition = partition,
                        ce.source = source,
                        "another platform publishes to this topic; its events are not applied. Give each platform topics of \
                         its own with TOPIC_PREFIX"
                    );
                }
            }
            Origin::Unproven => {
                let Some(claim) = self.claims.get(partition) else { return };
                if stamp(&message.event) <= claim.reached {
                    return;
                }
                let healing = Healing { is_proven: false, ..Healing::up_to(message.event.position) };
                let known = self.healing.entry(partition).or_insert(healing);
                known.upto = known.upto.max(healing.upto);
                if !std::mem::replace(&mut self.told.unproven, true) {
                    tracing::info!(
                        projection,
                        kafka.partition = partition,
                        ce.source = source,
                        "an earlier release sent messages that do not name their log; their events are read from the log"
                    );
                }
            }
        }
    }

    async fn heal_from_here(&mut self, partition: i32, upto: Position) -> Result<Outcome, StepError> {
        tracing::warn!(
            projection = M::PROJECTION.name(),
            kafka.partition = partition,
            event.position = upto.0,
            "Kafka did not bring everything up to this event; reading it from the log"
        );
        self.healing.insert(partition, Healing::up_to(upto));
        self.heal().await
    }

    /// Applies the next stretch of the log to a partition that misses events.
    async fn heal(&mut self) -> Result<Outcome, StepError> {
        let Some((&partition, &healing)) = self.healing.first_key_value() else { return Ok(Outcome::Idle) };
        let Healing { upto, scanned, is_proven } = healing;
        let Some(claim) = self.claims.get(partition) else { return Err(StepError::Lost) };
        let after = scanned.max(claim.reached.position);
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        let read = log::list_events(connection, M::PROJECTION.category(), after, upto, HEAL);
        let read = patience.doing("reading the log", read).await?;
        let partitions = self.feed().partitions();
        let is_ours = |event: &Recorded| topics::partition_of(event.stream.as_str(), partitions) == partition;
        let ours = read.events.iter().filter(|logged| is_ours(&logged.event));
        let arrivals: Vec<Arrival<'_>> = ours.map(|logged| logged.arrival(partition)).collect();
        for batch in arrivals.chunks(self.stride.events()) {
            self.apply(batch).await?;
        }
        self.count(names::PROJECTOR_EVENTS_HEALED_TOTAL, arrivals.len());
        match read.events.last() {
            Some(last) if read.has_more => {
                self.healing.insert(partition, Healing { scanned: last.event.position, ..healing });
            }
            _ => {
                self.healing.remove(&partition);
                if is_proven && self.claims.get(partition).is_some_and(|claim| claim.reached.position < upto) {
                    return Err(StepError::Astray { partition, position: upto });
                }
            }
        }
        Ok(Outcome::Healed(arrivals.len()))
    }

    /// Makes sure that the next step begins with nothing that may be untrue.
    async fn recover(&mut self, error: &StepError) {
        self.forget();
        match error {
            StepError::Store(error) => {
                self.store.disconnect();
                self.dependencies.postgres.down(error.to_string());
            }
            StepError::Feed(error) => {
                if let FeedError::OffsetsGone = error {
                    tracing::warn!(projection = M::PROJECTION.name(), "{error}");
                    self.start = Start::Beginning;
                } else {
                    self.dependencies.kafka.down(error.to_string());
                }
                self.pending.clear();
                if let Some(feed) = self.feed.take() {
                    feed.close().await;
                }
            }
            StepError::Lost => {
                tracing::info!(projection = M::PROJECTION.name(), "{error}; claiming again what is ours");
                self.count(names::PROJECTOR_CLAIMS_LOST_TOTAL, 1);
            }
            StepError::Astray { .. } | StepError::TooManyParked(_) => {
                self.dependencies.projection.down(error.to_string())
            }
        }
    }

    /// Forgets what is true only while the claims hold.
    fn forget(&mut self) {
        self.claims.clear();
        self.documents.clear();
        self.healing.clear();
        self.log = None;
    }

    fn count(&self, name: &'static str, times: usize) {
        metrics::counter!(name, "projection" => M::PROJECTION.name()).increment(times as u64);
    }

    fn gauge(&self, name: &'static str, value: f64) {
        metrics::gauge!(name, "projection" => M::PROJECTION.name()).set(value);
    }
}

fn arrival(delivery: &Delivery) -> Option<Arrival<'_>> {
    let message = delivery.message.as_ref().ok()?;
    Some(Arrival { partition: delivery.partition, event: &message.event, unreadable: None })
}

/// What may still be taken in beside the messages that wait.
fn room(pending: &VecDeque<Delivery>) -> Portion {
    let bytes: usize = pending.iter().map(Delivery::bytes).sum();
    Portion { events: PENDING.events.saturating_sub(pending.len()), bytes: PENDING.bytes.saturating_sub(bytes) }
}

#[cfg(test)]
mod tests {
    use events::cloudevents::InvalidMessage;
    use events::{Incarnation, Metadata, Source, Version};
    use uuid::Uuid;

    use super::*;

    fn delivery(message: Result<Message, InvalidMessage>) -> Delivery {
        Delivery { partition: 0, offset: 0, message }
    }

    fn event(bytes: usize) -> Recorded {
        Recorded {
            incarnation: Incarnation(1),
            position: Position(1),
            stream: "product-A".parse().unwrap(),
            version: Version(1),
            event_type: "ProductCreated".into(),
            schema_version: 1,
            payload: "x".repeat(bytes),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn few_large_messages_leave_no_room_for_more() {
        let large = || {
            let (source, event) = (Source::Log(LogId(Uuid::nil())), event(1024 * 1024));
            delivery(Ok(Message { source, event, previous: Position::ZERO }))
        };
        let waiting: VecDeque<_> = (0..32).map(|_| large()).collect();
        assert_eq!(room(&waiting).bytes, 0);
        let small = || delivery(Err(InvalidMessage::Missing("ce_position")));
        let waiting: VecDeque<_> = (0..10_000).map(|_| small()).collect();
        assert_eq!(room(&waiting).events, 0);
        assert!(room(&VecDeque::new()).bytes > 0);
    }
}
