//! The relay publishes the log to Kafka: every event at least once, in the order of its stream, with a stable id.
//!
//! Every instance runs a relay; the relay leader publishes ([`leader`]), the others are on standby. The [`log_reader`] reads events from
//! the writer's memory or from the log, the [`producer`] sends them, [`in_flight`] keeps track of the acknowledgements, and the
//! [`checkpoint`] moves over the acknowledged events. After any failure the producer is dropped and the relay continues after its
//! checkpoint, so events may be sent twice, but no event is skipped.
//!
//! Without Kafka, the relay does the same, except that its [`sink`] sends nothing: the checkpoint is how far the read models may follow
//! the log.
//!
//! Commands never wait for the relay.
//!
//! An operator can [`republish`] earlier events, for a topic that was lost.

mod blocking;
pub mod checkpoint;
pub mod config;
pub mod error;
mod health;
pub mod in_flight;
mod kafka_client;
pub mod last_published;
pub mod leader;
pub mod log_check;
pub mod log_reader;
pub mod lost_events;
mod measures;
mod outcome;
pub mod previous_events;
pub mod producer;
pub mod published;
pub mod republish;
pub mod sender;
pub mod sink;
pub mod topic_selection;
pub mod topics;
pub mod watermark;

use std::sync::Arc;
use std::time::Duration;

use events::{LogId, Recorded};
use platform::backoff::Backoff;
use platform::health::Health;
use platform::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::database::Database;
use crate::log::Log;
use checkpoint::Checkpoint;
pub use config::{Config, DEFAULT_LEASE, Kafka};
pub use error::Error;
use health::RelayHealth;
use in_flight::{InFlight, Limit};
use leader::Leader;
use log_reader::LogReader;
pub use lost_events::LostEvents;
pub use outcome::Outcome;
use sink::Sink;
use watermark::Watermark;

/// How often an instance on standby tries to acquire the leader lease.
const ACQUIRE_INTERVAL: Duration = Duration::from_millis(500);

/// How long a stopping leader waits for the events in flight.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The relay of one instance.
pub struct Relay {
    config: Config,
    checkpoint: Checkpoint,
    log: Log,
    reader: LogReader,
    sink: Sink,
    health: RelayHealth,
    leader: Option<Leader>,
    /// Identity of the log; known after the database has a row for every partition.
    log_id: Option<LogId>,
    /// Whether the sink is prepared: the topics exist in Kafka.
    is_prepared: bool,
    /// Limit on events in flight with which the next leader starts.
    limit: Limit,
}

/// Runs the relay until shutdown is requested.
pub async fn run(
    config: Config,
    database: Database,
    log: Log,
    batches: mpsc::Receiver<Arc<[Recorded]>>,
    health: Health,
    shutdown: Shutdown,
) {
    let mut relay = Relay::new(config, database, log, batches, health);
    let mut backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(5));
    while let Some(stepped) = shutdown.unless_requested(relay.step()).await {
        match stepped {
            Ok(Outcome::Idle | Outcome::Standby) => {
                shutdown.unless_requested(relay.wait()).await;
            }
            Ok(Outcome::Checkpointed(_)) => backoff.reset(),
            Ok(Outcome::BecameLeader(_) | Outcome::Sent(_) | Outcome::LostLeadership) => tokio::task::yield_now().await,
            Err(_) => {
                shutdown.unless_requested(relay.pause(backoff.next_delay())).await;
            }
        }
    }
    relay.stop().await;
}

impl Relay {
    /// A relay on standby.
    pub fn new(
        config: Config,
        database: Database,
        log: Log,
        batches: mpsc::Receiver<Arc<[Recorded]>>,
        health: Health,
    ) -> Relay {
        let checkpoint = Checkpoint::new(database, config.instance.clone(), config.lease, config.partitions);
        let reader = LogReader::new(log.clone(), batches);
        let sink = Sink::new(&config, &health);
        let health = RelayHealth::new(health);
        measures::is_standby();
        Relay {
            config,
            checkpoint,
            log,
            reader,
            sink,
            health,
            leader: None,
            log_id: None,
            is_prepared: false,
            limit: Limit::MAX,
        }
    }

    /// Does the work that can be done without waiting. After an error the next step continues after the checkpoint where necessary. The
    /// future may be dropped at any time.
    pub async fn step(&mut self) -> Result<Outcome, Error> {
        let stepped = match &mut self.leader {
            Some(leader) => leader.step(&mut self.reader).await,
            None => self.acquire_leadership().await,
        };
        match stepped {
            Ok(outcome) => {
                self.report(outcome);
                Ok(outcome)
            }
            Err(error) if error.is_lost_leadership() => {
                tracing::warn!(relay.instance = self.config.instance, "lost relay leadership");
                self.leader = None;
                self.limit = Limit::MAX;
                measures::is_standby();
                Ok(Outcome::LostLeadership)
            }
            Err(error) => {
                self.handle(&error).await;
                Err(error)
            }
        }
    }

    /// Waits until there may be work to do.
    pub async fn wait(&mut self) {
        match &mut self.leader {
            Some(leader) => leader.wait(&mut self.reader).await,
            None => self.pause(ACQUIRE_INTERVAL).await,
        }
    }

    /// Waits for the events in flight, saves the checkpoint and releases the leader lease.
    pub async fn stop(mut self) {
        if let Some(leader) = self.leader.take() {
            leader.stop(DRAIN_TIMEOUT).await;
        }
        measures::is_standby();
    }

    /// Waits; an instance on standby discards the writer's batches meanwhile, so that they do not accumulate.
    async fn pause(&mut self, time: Duration) {
        if self.leader.is_some() {
            return tokio::time::sleep(time).await;
        }
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.reader.discard_batches() => {}
        }
    }

    /// Tries to acquire the leader lease, after the database and the sink have been prepared.
    async fn acquire_leadership(&mut self) -> Result<Outcome, Error> {
        let log_id = match self.log_id {
            Some(log_id) => log_id,
            None => {
                self.checkpoint.prepare().await?;
                *self.log_id.insert(self.log.id().await?)
            }
        };
        if !self.is_prepared {
            self.sink.prepare(self.config.partitions).await?;
            self.is_prepared = true;
        }
        let Some(lease) = self.checkpoint.acquire().await? else { return Ok(Outcome::Standby) };
        if let Err(error) = self.check_log(&lease.watermark).await {
            self.checkpoint.release(lease.epoch).await?;
            return Err(error);
        }
        let (position, epoch) = (lease.watermark.position, lease.epoch);
        let in_flight = Arc::new(InFlight::after(position, self.limit));
        let publisher = self.sink.publisher(log_id, Arc::clone(&in_flight))?;
        self.leader = Some(Leader::new(self.checkpoint.clone(), lease, in_flight, publisher));
        self.reader.reset();
        tracing::info!(
            relay.instance = self.config.instance,
            relay.epoch = epoch,
            relay.position = position.0,
            relay.publishes_to = self.sink.name(),
            "became relay leader"
        );
        Ok(Outcome::BecameLeader(position))
    }

    /// Checks that the log contains the events that were published.
    async fn check_log(&self, watermark: &Watermark) -> Result<(), Error> {
        log_check::check_checkpoint(&self.log, watermark).await?;
        self.sink.check(self.config.partitions, &self.log, watermark).await
    }

    fn report(&mut self, outcome: Outcome) {
        let is_up_to_date = self.leader.as_ref().is_some_and(Leader::is_up_to_date);
        match outcome {
            Outcome::BecameLeader(_) => {
                measures::is_leader();
                self.health.log_is_complete();
            }
            Outcome::Standby | Outcome::Checkpointed(_) => self.health.relay.up(),
            Outcome::Idle if is_up_to_date => self.health.relay.up(),
            Outcome::Idle | Outcome::Sent(_) | Outcome::LostLeadership => {}
        }
    }

    /// Reports an error to the health components, and ends leadership if the producer cannot be used any more.
    async fn handle(&mut self, error: &Error) {
        self.sink.report(error);
        self.health.report(error);
        if error.leaves_producer_intact() {
            self.log_id = None;
            return;
        }
        self.is_prepared = false;
        if let Some(leader) = self.leader.take() {
            if let Error::Undelivered(_) = error {
                measures::delivery_failed();
                self.limit = leader.limit().after_failure();
            }
            leader.stop(Duration::ZERO).await;
            measures::is_standby();
        }
    }
}
