//! The worker of one generation of a projection. A step receives messages, claims the assigned partitions, and applies the events in
//! one statement; the loop repeats steps, backs off after errors, and stops.
//!
//! [`crate::apply`] applies events, [`pending`] has the messages that are not processed yet, [`gaps`] what is read from
//! the log because the feed did not deliver it, [`audit`] compares with the relay.
//!
//! What the applier has in memory holds only as long as the claims hold. So every failure is handled in the same way:
//! forget the claims, claim again, read again. Messages that are not applied stay in `pending`.

use chrono::Utc;
use events::cloudevents::Message;
use events::{LogId, Position};
use platform::backoff::Backoff;
use platform::health::{Component, Health};
use platform::metric_names as names;
use platform::shutdown::Shutdown;

use crate::admission::{Admission, Origin, admit_pending, origin};
use crate::apply::{Applier, MissingEvents};
use crate::cache::Cache;
use crate::config::Limits;
use crate::feed::{BATCH_BYTES_MAX, Delivery, Feed, FeedError, FeedSource, Start};
use crate::frame::ReadModel;
use crate::measure::{count, gauge};
use crate::next_event::{NextEvent, log_position};
use crate::step::{Outcome, StepError};
use crate::store::Store;
use crate::store::log::PageLimit;
use crate::store::relay::Published;

mod audit;
mod gaps;
mod pending;

use audit::Audit;
use gaps::{Gap, Gaps};
use pending::Pending;

/// Events that one step reads from the log to fill a gap.
const GAP_PAGE: PageLimit = PageLimit { events: 5_000, bytes: BATCH_BYTES_MAX };

/// The worker of one generation of a projection.
pub struct Worker<M: ReadModel> {
    source: FeedSource,
    limits: Limits,
    /// The server of the feed.
    server: Component,
    /// Down while continuing would make the read model wrong.
    projection: Component,
    feed: Option<Feed>,
    start: Start,
    applier: Applier<M>,
    /// Identity of the log; known while there are claims.
    log: Option<LogId>,
    logged: LoggedOnce,
    pending: Pending,
    gaps: Gaps,
    audit: Audit,
}

/// Which conditions were logged already: each is logged once per worker.
#[derive(Debug, Default)]
struct LoggedOnce {
    foreign: bool,
    unidentified: bool,
}

impl<M: ReadModel> Worker<M> {
    /// A worker that has not started.
    pub fn new(source: FeedSource, limits: Limits, store: Store, cache: Option<Cache>, health: &Health) -> Worker<M> {
        Worker {
            applier: Applier::new(limits.clone(), store, cache, health.component("postgres")),
            server: health.component(source.server()),
            projection: health.component(M::PROJECTION.name()),
            source,
            limits,
            feed: None,
            start: Start::Committed { since: None },
            log: None,
            logged: LoggedOnce::default(),
            pending: Pending::default(),
            gaps: Gaps::default(),
            audit: Audit::default(),
        }
    }

    /// Runs steps until a shutdown is requested, then closes the feed.
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

    /// Receives messages and applies their events. After an error no event is lost: the next step tries again.
    pub async fn step(&mut self) -> Result<Outcome, StepError> {
        let stepped = self.try_step().await;
        match &stepped {
            Ok(_) => self.projection.up(),
            Err(error) => self.recover(error).await,
        }
        stepped
    }

    /// Closes the feed, so that other workers take the partitions over at once.
    pub async fn close(mut self) {
        if let Some(feed) = self.feed.take() {
            feed.close().await;
        }
    }

    async fn try_step(&mut self) -> Result<Outcome, StepError> {
        // The feed and PostgreSQL are both tried before either fails the step, so that the health report is right about
        // both.
        let connected = self.connect().await;
        if self.audit.take_due() {
            self.audit().await?;
        }
        connected?;
        self.receive().await?;
        self.claim_assigned().await?;
        match self.gaps.is_empty() {
            true => self.apply_pending().await,
            false => self.fill_gap().await,
        }
    }

    async fn connect(&mut self) -> Result<(), StepError> {
        if self.feed.is_none() {
            let since = self.applier.find_applied_since().await;
            if let (Start::Committed { since: start }, Ok(since)) = (&mut self.start, &since) {
                *start = *since;
            }
            let (generation, server) = (self.applier.generation(), self.server.clone());
            let feed = Feed::open(&self.source, &self.limits, generation, M::LATENCY, self.start, server).await?;
            // Without the instant, all messages would be read again.
            since?;
            self.feed = Some(feed);
            self.start = Start::Committed { since: None };
        }
        Ok(())
    }

    fn feed(&mut self) -> &mut Feed {
        self.feed.as_mut().expect("a step connects first")
    }

    /// Receives messages. While earlier messages are pending, polling only keeps the partitions assigned.
    async fn receive(&mut self) -> Result<(), FeedError> {
        if self.pending.is_empty() && self.gaps.is_empty() {
            let limits = self.limits.clone();
            let deliveries = self.feed().next_batch(&limits).await?;
            self.pending.extend(deliveries);
            return Ok(());
        }
        let room = self.pending.room();
        if room.events == 0 || room.bytes == 0 {
            self.feed().pause();
        }
        let deliveries = self.feed().drain(room.events.max(1), room.bytes.max(1))?;
        self.pending.extend(deliveries);
        Ok(())
    }

    /// Follows the assignment of the feed: drops what belongs to revoked partitions, and claims new partitions.
    async fn claim_assigned(&mut self) -> Result<(), StepError> {
        let assigned = self.feed().assigned();
        if self.applier.claimed().iter().any(|(partition, _)| !assigned.contains(&partition)) {
            self.forget();
        }
        self.pending.retain(&assigned);
        self.gaps.retain(&assigned);
        let claimed = self.applier.claimed();
        let new: Vec<i32> = assigned.into_iter().filter(|partition| claimed.get(*partition).is_none()).collect();
        if !new.is_empty() {
            self.log = Some(self.applier.claim(&new).await?);
        }
        Ok(())
    }

    /// Applies the pending messages up to the first gap.
    async fn apply_pending(&mut self) -> Result<Outcome, StepError> {
        let Some(log) = self.log else { return Ok(Outcome::Idle) };
        let limit = PageLimit { events: self.applier.batch_events(), bytes: BATCH_BYTES_MAX };
        let admitted = admit_pending(self.pending.deliveries(), self.applier.claimed(), log, limit);
        match admitted.blocked {
            Some((partition, Admission::Gap(upto))) if admitted.processed == 0 => {
                return self.fill_gap_up_to(partition, upto).await;
            }
            Some((partition, Admission::AheadOfLog)) if admitted.processed == 0 => {
                let claim = self.applier.claimed().get(partition);
                let position = claim.map_or(Position::ZERO, |claim| claim.checkpoint.position);
                return Err(StepError::AheadOfLog { partition, position });
            }
            _ => {}
        }
        let processed = self.pending.take(admitted.processed);
        let events: Vec<NextEvent<'_>> =
            admitted.next.iter().filter_map(|index| next_event(&processed[*index])).collect();
        if let Err(error) = self.applier.apply(&events).await {
            self.pending.put_back(processed);
            return Err(error);
        }
        count(self.applier.generation(), names::PROJECTOR_EVENTS_SEEN_TOTAL, processed.len() - events.len());
        self.record_processed(log, &processed);
        match processed.len() {
            0 => Ok(Outcome::Idle),
            messages => Ok(Outcome::Applied(messages)),
        }
    }

    /// Records the offsets of processed messages, and reports messages that are not events of this log.
    fn record_processed(&mut self, log: LogId, processed: &[Delivery]) {
        for Delivery { partition, offset, message } in processed {
            self.feed().processed(*partition, offset + 1);
            match message {
                Ok(message) => self.report_other_origin(log, *partition, message),
                Err(reason) => {
                    tracing::error!(
                        projection = M::PROJECTION.name(),
                        kafka.partition = partition,
                        kafka.offset = offset,
                        reason = %reason,
                        "skipped a message that is not an event; the missing event is read from the log"
                    );
                    count(self.applier.generation(), names::PROJECTOR_MESSAGES_UNREADABLE_TOTAL, 1);
                    self.audit.suspect(*partition);
                }
            }
        }
        self.feed().commit_when_due();
    }

    /// Reports a message that does not come from this log: counts every message, logs the first. The events of the log
    /// up to the position of a message that does not name its log are applied instead of the message.
    fn report_other_origin(&mut self, log: LogId, partition: i32, message: &Message) {
        let (projection, source) = (M::PROJECTION.name(), message.source.to_string());
        match origin(log, message) {
            Origin::Ours => {}
            Origin::Foreign => {
                count(self.applier.generation(), names::PROJECTOR_MESSAGES_FOREIGN_TOTAL, 1);
                if !std::mem::replace(&mut self.logged.foreign, true) {
                    tracing::error!(
                        projection,
                        kafka.partition = partition,
                        ce.source = source,
                        "another platform publishes to this topic; its events are not applied. Set a different TOPIC_PREFIX \
                         for each platform"
                    );
                }
            }
            Origin::Unidentified => {
                let Some(claim) = self.applier.claimed().get(partition) else { return };
                if log_position(&message.event) <= claim.checkpoint {
                    return;
                }
                self.gaps.extend(partition, Gap::unproven(message.event.position));
                if !std::mem::replace(&mut self.logged.unidentified, true) {
                    tracing::info!(
                        projection,
                        kafka.partition = partition,
                        ce.source = source,
                        "an earlier release published messages that do not name their log; reading their events from the log"
                    );
                }
            }
        }
    }

    async fn fill_gap_up_to(&mut self, partition: i32, upto: Position) -> Result<Outcome, StepError> {
        tracing::warn!(
            projection = M::PROJECTION.name(),
            kafka.partition = partition,
            event.position = upto.0,
            "not all events up to this position were delivered; reading them from the log"
        );
        self.gaps.set(partition, Gap::proven(upto));
        self.fill_gap().await
    }

    /// Applies the next page of the log to a partition with a gap.
    async fn fill_gap(&mut self) -> Result<Outcome, StepError> {
        let Some((partition, gap)) = self.gaps.first() else { return Ok(Outcome::Idle) };
        let Some(claim) = self.applier.claimed().get(partition) else { return Err(StepError::ClaimLost) };
        let after = gap.scanned.max(claim.checkpoint.position);
        let missing = MissingEvents { partition, partitions: self.feed().partitions(), after, upto: gap.upto };
        let from_log = self.applier.apply_from_log(missing, GAP_PAGE).await?;
        count(self.applier.generation(), names::PROJECTOR_EVENTS_HEALED_TOTAL, from_log.events);
        if let Some(scanned) = from_log.continue_after {
            self.gaps.set(partition, Gap { scanned, ..gap });
            return Ok(Outcome::ReadFromLog(from_log.events));
        }
        self.gaps.remove(partition);
        let claim = self.applier.claimed().get(partition);
        if gap.is_proven && claim.is_some_and(|claim| claim.checkpoint.position < gap.upto) {
            return Err(StepError::AheadOfLog { partition, position: gap.upto });
        }
        Ok(Outcome::ReadFromLog(from_log.events))
    }

    /// Compares with what the relay has published: reads from the log what is stuck, and measures the lag.
    pub async fn audit(&mut self) -> Result<(), StepError> {
        self.applier.create_coming_months().await?;
        self.applier.clean_up().await?;
        let published = self.applier.find_published().await?;
        if let Some(feed) = &self.feed {
            let (claimed, gaps) = (self.applier.claimed(), &self.gaps);
            let is_at_end = |partition| feed.is_at_end(partition);
            for (partition, upto) in self.audit.find_stuck(&published, claimed, is_at_end, |it| gaps.contains(it)) {
                tracing::warn!(
                    projection = M::PROJECTION.name(),
                    kafka.partition = partition,
                    event.position = upto.0,
                    "published events are not delivered; reading them from the log"
                );
                self.gaps.set(partition, Gap::proven(upto));
            }
        }
        self.measure_lag(&published).await
    }

    async fn measure_lag(&mut self, published: &Published) -> Result<(), StepError> {
        let applied = audit::applied(M::PROJECTION, published, self.applier.claimed());
        let lag_events = published.relay.position.0 - applied.0;
        let mut lag_seconds = 0.0;
        if lag_events > 0 {
            let oldest = self.applier.find_recorded_after(applied).await?;
            lag_seconds = oldest.map_or(0.0, |oldest| (Utc::now() - oldest).as_seconds_f64().max(0.0));
        }
        gauge(self.applier.generation(), names::PROJECTOR_LAG_EVENTS, lag_events as f64);
        gauge(self.applier.generation(), names::PROJECTOR_LAG_SECONDS, lag_seconds);
        Ok(())
    }

    /// Drops everything that may be wrong after an error, so that the next step starts from the database.
    async fn recover(&mut self, error: &StepError) {
        self.forget();
        match error {
            StepError::Store(error) => self.applier.disconnect(error),
            StepError::Feed(error) => {
                if let FeedError::OffsetsGone = error {
                    tracing::warn!(projection = M::PROJECTION.name(), "{error}");
                    self.start = Start::Beginning;
                } else {
                    self.server.down(error.to_string());
                }
                self.pending.clear();
                if let Some(feed) = self.feed.take() {
                    feed.close().await;
                }
            }
            StepError::ClaimLost => {
                tracing::info!(
                    projection = M::PROJECTION.name(),
                    "claim or checkpoint of a partition was changed by another instance; claiming the assigned partitions again"
                );
                count(self.applier.generation(), names::PROJECTOR_CLAIMS_LOST_TOTAL, 1);
            }
            StepError::IncarnationChanged => tracing::warn!(
                projection = M::PROJECTION.name(),
                "the incarnation of the log has changed; claiming the assigned partitions again"
            ),
            StepError::AheadOfLog { .. } | StepError::TooManyParked(_) => self.projection.down(error.to_string()),
        }
    }

    /// Drops everything that holds only as long as the claims hold.
    fn forget(&mut self) {
        self.applier.forget();
        self.gaps.clear();
        self.log = None;
    }
}

fn next_event(delivery: &Delivery) -> Option<NextEvent<'_>> {
    let message = delivery.message.as_ref().ok()?;
    Some(NextEvent { partition: delivery.partition, event: &message.event, metadata_error: None })
}
