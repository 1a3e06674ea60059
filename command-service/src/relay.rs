//! Carries the log to Kafka: every event at least once, in the order of its stream, with a stable id.
//!
//! Every instance runs one; the one that holds the lease sends ([`leader`]), the others stand by. The way of an event: the
//! [`feed`] has it from the writer's memory or from the log, the [`chain`] links it to the one before it in its partition, the
//! [`producer`] sends it, the [`window`] hears that Kafka has it, the [`checkpoint`] moves over it. Whatever goes wrong: the
//! producer is dropped and the relay begins again at the checkpoint, so events may be sent twice but none is skipped.
//!
//! Commands never wait for any of this.

pub mod chain;
pub mod checkpoint;
pub mod error;
pub mod feed;
pub mod leader;
mod measures;
pub mod producer;
pub mod tail_check;
pub mod tails;
pub mod topics;
pub mod window;

use std::sync::Arc;
use std::time::Duration;

use events::{LogId, Position, Recorded};
use platform::backoff::Backoff;
use platform::health::{Component, Health};
use platform::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::database::Database;
use crate::log::Log;
use checkpoint::Checkpoint;
pub use error::{Error, LostTail};
use feed::Feed;
use leader::Leader;
use window::Width;

/// Long enough to outlive a restart of PostgreSQL, short enough that another instance takes over while nobody has noticed yet.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(6);

/// How often an instance that stands by tries for the lease.
const STAND_BY: Duration = Duration::from_millis(500);

/// For what is under way when the process stops.
const DRAIN: Duration = Duration::from_secs(5);

/// What the relay has to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Kafka's bootstrap servers, `host:port` with commas between.
    pub brokers: String,
    /// Before the names of the topics; empty, or ending in a dot.
    pub topic_prefix: String,
    /// Partitions of each topic; the same for ever.
    pub partitions: i32,
    /// Name of this instance; no other one that runs has it, and it may stay the same over a restart, which then goes on
    /// at once instead of waiting for the end of its own lease.
    pub instance: String,
    /// How long the leader's word holds without being renewed; another instance takes over after that.
    pub lease: Duration,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Another instance leads.
    StoodBy,
    /// This instance leads from now on, and goes on after this position.
    Elected(Position),
    /// So many events were handed to Kafka.
    Sent(usize),
    /// Kafka has everything up to this position, and that is saved.
    Checkpointed(Position),
    /// Nothing to do until something happens; see [`Relay::wait`].
    Idle,
    /// Leadership was lost; nothing is sent any more.
    Deposed,
}

/// The relay of one instance.
pub struct Relay {
    config: Config,
    checkpoint: Checkpoint,
    log: Log,
    feed: Feed,
    health: Vitals,
    leader: Option<Leader>,
    /// Which log is relayed; known once the database has a row for every partition.
    log_id: Option<LogId>,
    /// Whether Kafka has the topics.
    topics_known: bool,
    /// How many events the next leadership may have under way at first.
    width: Width,
}

/// What the relay tells health. Commands go on without Kafka and without a relay, but not on a log that has lost its tail.
struct Vitals {
    kafka: Component,
    relay: Component,
    health: Health,
}

/// Relays until asked to stop.
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
            Ok(Outcome::Idle | Outcome::StoodBy) => {
                shutdown.unless_requested(relay.wait()).await;
            }
            Ok(Outcome::Checkpointed(_)) => backoff.reset(),
            Ok(Outcome::Elected(_) | Outcome::Sent(_) | Outcome::Deposed) => tokio::task::yield_now().await,
            Err(_) => {
                shutdown.unless_requested(relay.rest(backoff.next_delay())).await;
            }
        }
    }
    relay.stop().await;
}

impl Relay {
    /// A relay that stands by.
    pub fn new(
        config: Config,
        database: Database,
        log: Log,
        batches: mpsc::Receiver<Arc<[Recorded]>>,
        health: Health,
    ) -> Relay {
        let checkpoint = Checkpoint::new(database, config.instance.clone(), config.lease, config.partitions);
        let feed = Feed::new(log.clone(), batches);
        let health = Vitals { kafka: health.optional("kafka"), relay: health.optional("relay"), health };
        measures::follows();
        Relay {
            config,
            checkpoint,
            log,
            feed,
            health,
            leader: None,
            log_id: None,
            topics_known: false,
            width: Width::FULL,
        }
    }

    /// Does what can be done now. After an error the next step begins again where that is safe. May be dropped halfway.
    pub async fn step(&mut self) -> Result<Outcome, Error> {
        let stepped = match &mut self.leader {
            Some(leader) => leader.step(&mut self.feed).await,
            None => self.stand_by().await,
        };
        match stepped {
            Ok(outcome) => {
                self.note(outcome);
                Ok(outcome)
            }
            Err(error) if error.is_deposed() => {
                tracing::warn!(relay.instance = self.config.instance, "lost the relay's lease");
                self.leader = None;
                self.width = Width::FULL;
                measures::follows();
                Ok(Outcome::Deposed)
            }
            Err(error) => {
                self.fail(&error).await;
                Err(error)
            }
        }
    }

    /// Returns when there may be something to do.
    pub async fn wait(&mut self) {
        match &mut self.leader {
            Some(leader) => leader.wait(&mut self.feed).await,
            None => self.rest(STAND_BY).await,
        }
    }

    /// Sends what is under way, saves the checkpoint, gives the lease back.
    pub async fn stop(mut self) {
        if let Some(leader) = self.leader.take() {
            leader.retire(DRAIN).await;
        }
        measures::follows();
    }

    /// Lets time pass, without letting the writer's batches pile up where nobody sends them.
    async fn rest(&mut self, time: Duration) {
        if self.leader.is_some() {
            return tokio::time::sleep(time).await;
        }
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.feed.ignore() => {}
        }
    }

    /// Tries for the lease, once the database and Kafka are as they must be.
    async fn stand_by(&mut self) -> Result<Outcome, Error> {
        let log_id = match self.log_id {
            Some(log_id) => log_id,
            None => {
                self.checkpoint.prepare().await?;
                *self.log_id.insert(self.log.id().await?)
            }
        };
        if !self.topics_known {
            let config = self.config.clone();
            on_thread(move || topics::ensure(&config)).await??;
            self.topics_known = true;
            self.health.kafka.up();
        }
        let Some(lease) = self.checkpoint.acquire().await? else { return Ok(Outcome::StoodBy) };
        if let Err(error) = tail_check::check(&self.config, &self.log, &lease.mark).await {
            self.checkpoint.release(lease.epoch).await?;
            return Err(error);
        }
        let (position, epoch) = (lease.mark.position, lease.epoch);
        let (checkpoint, kafka) = (self.checkpoint.clone(), self.health.kafka.clone());
        self.leader = Some(Leader::new(&self.config, log_id, checkpoint, lease, self.width, kafka)?);
        self.feed.look_again();
        tracing::info!(
            relay.instance = self.config.instance,
            relay.epoch = epoch,
            relay.position = position.0,
            "relays"
        );
        Ok(Outcome::Elected(position))
    }

    fn note(&mut self, outcome: Outcome) {
        let leads_well = self.leader.as_ref().is_some_and(Leader::is_quiet);
        match outcome {
            Outcome::Elected(_) => {
                measures::leads();
                self.health.log_is_whole();
            }
            Outcome::StoodBy | Outcome::Checkpointed(_) => self.health.relay.up(),
            Outcome::Idle if leads_well => self.health.relay.up(),
            Outcome::Idle | Outcome::Sent(_) | Outcome::Deposed => {}
        }
    }

    /// Tells health, and gives up what cannot be trusted any more.
    async fn fail(&mut self, error: &Error) {
        self.health.fails(error);
        if error.leaves_producer_intact() {
            self.log_id = None;
            return;
        }
        self.topics_known = false;
        if let Some(leader) = self.leader.take() {
            if let Error::Undelivered(_) = error {
                measures::failed();
                self.width = leader.width().after_failure();
            }
            leader.retire(Duration::ZERO).await;
            measures::follows();
        }
    }
}

impl Vitals {
    /// Only the first of a row of failures is logged, by health.
    fn fails(&self, error: &Error) {
        let reason = reason(error);
        if error.is_kafka_down() {
            self.kafka.down(reason.clone());
        }
        if let Error::LostTail(_) = error {
            self.health.component(LOG_TAIL).down(reason.clone());
        }
        self.relay.down(reason);
    }

    fn log_is_whole(&self) {
        self.health.component(LOG_TAIL).up();
    }
}

/// Whether the log holds what was relayed. Required: what is appended to a log that has lost its tail may have to be undone.
const LOG_TAIL: &str = "log-tail";

/// An error with its causes, in one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Runs what blocks, on a thread that the process need not wait for when it ends.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens any more if the relay was stopped meanwhile.
        let _ = tell.send(work());
    });
    told.await.map_err(|_| Error::Thread)
}
