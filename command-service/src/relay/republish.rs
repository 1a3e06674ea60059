//! Republishing: sends events of the log to Kafka again, for a topic that was lost or that was not published while the platform ran
//! without Kafka. The messages equal those of the relay: the same key, payload and headers, in the order of the log.
//!
//! A [`Request`] names positions and topics. The relay must not send at the same time, so republishing takes over the leader
//! [`lease`], and the relay continues after its checkpoint when the lease is released. The checkpoint does not move: only events up to
//! it are sent again. Readers recognise repeats by their position, so an interrupted run can be repeated.
//!
//! Each event contains the position of the previous event in its partition; [`previous_events`] looks up those before the range.
//! [`worker`] sends, and [`progress`] reports.

mod error;
mod lease;
pub mod progress;
mod report;
mod request;
mod worker;

use std::sync::Arc;

use events::LogId;
use platform::health::Health;
use platform::shutdown::Shutdown;

use super::blocking::run_blocking;
use super::checkpoint::Checkpoint;
use super::config::{Config, Kafka};
use super::in_flight::{InFlight, Limit};
use super::log_reader::LogReader;
use super::producer::Producer;
use super::sender::Sender;
use super::sink::Publisher;
pub use super::topic_selection::{Topics, UnknownTopic};
use super::watermark::Watermark;
use super::{log_check, previous_events, topics};
use crate::database::Database;
use crate::log::Log;
pub use error::Error;
use lease::HeldLease;
use progress::Progress;
pub use report::Report;
pub use request::{BadRange, Request};
use worker::{Outcome, Worker};

/// Publishes the requested events again. `show` is called after every step. The instance in `config` must have a
/// [name](super::checkpoint::take_over::republishing_instance) with which relays recognise it.
pub async fn run(
    config: &Config,
    database: Database,
    request: &Request,
    shutdown: &Shutdown,
    mut show: impl FnMut(&Progress),
) -> Result<Report, Error> {
    let kafka = config.kafka.as_ref().ok_or(Error::NoKafka)?;
    let log = Log::new(database.clone());
    let checkpoint = Checkpoint::new(database, config.instance.clone(), config.lease, config.partitions);
    let preparing = Job::prepare(kafka, config.partitions, log, &checkpoint, request);
    let job = shutdown.unless_requested(preparing).await.ok_or(Error::Interrupted)??;
    let taking_over = lease::take_over(&checkpoint);
    let mut lease = shutdown.unless_requested(taking_over).await.ok_or(Error::Interrupted)??;
    let sent = job.send(&mut lease, shutdown, &mut show).await;
    lease.release().await;
    sent
}

/// What is needed before the relay has to pause.
struct Job<'a> {
    kafka: &'a Kafka,
    log: Log,
    log_id: LogId,
    request: &'a Request,
    /// The watermark before the first event.
    start: Watermark,
}

impl<'a> Job<'a> {
    /// Checks the request and the log, creates missing topics, and looks up the events before the range.
    async fn prepare(
        kafka: &'a Kafka,
        partitions: i32,
        log: Log,
        checkpoint: &Checkpoint,
        request: &'a Request,
    ) -> Result<Job<'a>, Error> {
        checkpoint.prepare().await?;
        let published = checkpoint.load().await?;
        request.check(published.position)?;
        log_check::check_checkpoint(&log, &published).await?;
        let cluster = kafka.clone();
        run_blocking(move || topics::ensure(&cluster, partitions))
            .await?
            .map_err(|error| Error::topics(kafka, error))?;
        log_check::check_against_kafka(kafka, partitions, &log).await?;
        let log_id = log.id().await.map_err(super::error::Error::Log)?;
        let start = previous_events::find(&log, request.from, &published).await?;
        Ok(Job { kafka, log, log_id, request, start })
    }

    /// Sends the events while the relay pauses.
    async fn send(
        self,
        lease: &mut HeldLease,
        shutdown: &Shutdown,
        show: &mut impl FnMut(&Progress),
    ) -> Result<Report, Error> {
        shutdown.unless_requested(lease.until_predecessor_ended()).await.ok_or(Error::Interrupted)??;
        let prefix = self.kafka.topic_prefix.clone();
        let mut worker = self.worker(lease)?;
        loop {
            match shutdown.unless_requested(worker.step(lease)).await {
                None => return Err(worker.stopped(Error::Interrupted)),
                Some(Err(error)) => return Err(worker.stopped(error.into())),
                Some(Ok(Outcome::Done)) => return Ok(worker.report(&prefix)),
                Some(Ok(Outcome::Sent(_))) => tokio::task::yield_now().await,
                Some(Ok(Outcome::Waiting)) => {
                    shutdown.unless_requested(worker.wait(lease)).await;
                }
            }
            show(worker.progress());
        }
    }

    /// A worker that sends the events up to the end of the range, by default the relay checkpoint.
    fn worker(self, lease: &HeldLease) -> Result<Worker, Error> {
        let Job { kafka, log, log_id, request, start } = self;
        let to = request.to.unwrap_or(lease.checkpoint());
        let in_flight = Arc::new(InFlight::after(start.position, Limit::MAX));
        // Health is reported by the error.
        let health = Health::new().optional("kafka");
        let producer =
            Producer::new(kafka, log_id, Arc::clone(&in_flight), health).map_err(super::error::Error::Setup)?;
        let publisher = Publisher::Partly(producer, request.topics.clone(), Arc::clone(&in_flight));
        let reader = LogReader::of_log(log);
        let progress = Progress::new(request.from, to);
        Ok(Worker::new(reader, Sender::new(start, in_flight, publisher), request.topics.clone(), progress))
    }
}
