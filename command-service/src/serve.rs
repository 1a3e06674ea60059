//! Starts and stops the parts of the process. The process listens immediately, is ready once the log has been read, and shuts its parts down
//! in the order in which work flows: HTTP server, jobs, schedule, writer, relay. [`bulk_imports`] is the part that runs bulk imports.

mod bulk_imports;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::backoff::Backoff;
use platform::health::{Component, Health};
use platform::shutdown::Shutdown;
use platform::{admin, metrics, server};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::database::Database;
use crate::http;
use crate::log::Log;
use crate::relay;
use crate::restored_log::writers;
use crate::schedule::{self, Schedule};
use crate::writer::{Mailbox, Writer};
use bulk_imports::BulkImportService;

/// Capacity of the queue of committed batches for the relay. The relay reads batches that did not fit from the log.
const RELAY_QUEUE: usize = 64;

/// Connections of the relay: one saves the checkpoint, one reads the log, one reads the head of the log.
const RELAY_CONNECTIONS: u32 = 3;

/// The schedule executes one statement at a time.
const SCHEDULE_CONNECTIONS: u32 = 1;

/// Time limit for asking Kafka at the start for the last published position.
const KAFKA_TAIL_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves until shutdown is requested. If a part of the service fails, the process ends, so that a supervisor can restart it.
///
/// The future is boxed: the service is then compiled once, with this library, and not again with each program that runs it.
pub fn run(config: Config, shutdown: Shutdown) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>> {
    Box::pin(serve(config, shutdown))
}

async fn serve(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let health = Health::new();
    // Registered before the admin server starts: a process without components would be reported as ready.
    let postgres = health.component("postgres");
    let admin_stop = Shutdown::new();
    let admin = tokio::spawn(server::serve(
        server::bind(config.admin_addr).with_context(|| format!("listening on ADMIN_ADDR {}", config.admin_addr))?,
        admin::router(health.clone(), metrics::install()),
        server::Limits::admin(),
        admin_stop.clone(),
    ));
    let listener =
        server::bind(config.http_addr).with_context(|| format!("listening on HTTP_ADDR {}", config.http_addr))?;
    tracing::info!(http.addr = %config.http_addr, admin.addr = %config.admin_addr, "listening");
    let config = Arc::new(config);
    let bulk_imports = BulkImportService::new(&config);
    let state = http::HttpState::with_bulk_imports(bulk_imports.state());
    let limits = bulk_imports.http_limits(&config.http);
    let router = http::router(state.clone(), &config.emails);
    let serving = tokio::spawn(server::serve(listener, router, limits, shutdown.clone()));
    let working = bulk_imports.start(state.clone(), health.optional("imports"), shutdown.clone());
    let relay_task = start_relay(&config, &health);
    let (opened, mailbox_opens) = oneshot::channel();
    let scheduling = tokio::spawn(run_schedule(config.clone(), mailbox_opens, health.clone(), shutdown.clone()));
    let stop = Shutdown::new();
    let parts = Parts {
        config,
        state,
        opened,
        committed: relay_task.as_ref().map(|relay| relay.batches.clone()),
        postgres,
        shutdown: shutdown.clone(),
        stop: stop.clone(),
    };
    let mut writing = on_own_thread(write(parts))?;
    let ended = tokio::select! {
        ended = &mut writing => Some(ended),
        () = shutdown.requested() => None,
    };
    shutdown.request();
    health.drain();
    serving.await.context("the HTTP server failed")?;
    working.await.context("the workers of bulk imports failed")?;
    scheduling.await.context("the schedule failed")?;
    stop.request();
    let written = match ended {
        Some(ended) => ended,
        None => writing.await,
    };
    if let Some(relay) = relay_task {
        relay.stop.request();
        relay.task.await.context("the relay failed")?;
    }
    admin_stop.request();
    admin.await.context("the admin server failed")?;
    written.context("the writer failed")
}

/// The values that the writer's thread needs.
struct Parts {
    config: Arc<Config>,
    state: http::HttpState,
    /// Passes the mailbox to the schedule.
    opened: oneshot::Sender<Mailbox>,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: Component,
    /// Requested when the process starts to shut down.
    shutdown: Shutdown,
    /// Requested when all accepted commands are in the mailbox.
    stop: Shutdown,
}

/// Runs the writer on its own thread. Batches are sequential, so a delay of the writer delays all commands: the writer must not wait behind a
/// thousand requests that are ready to run.
fn on_own_thread(work: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the writer's thread")?;
    Ok(tokio::task::spawn_blocking(move || runtime.block_on(work)))
}

/// Starts the writer and runs it until all accepted commands have a reply.
async fn write(parts: Parts) {
    let Parts { config, state, opened, committed, postgres, shutdown, stop } = parts;
    let starting = start_writer(&config, committed, &postgres);
    let Some((writer, mailbox)) = shutdown.unless_requested(starting).await else { return };
    // The receiver is gone if the process is shutting down.
    let _ = opened.send(mailbox.clone());
    state.open_mailbox(mailbox);
    postgres.up();
    tracing::info!("accepting commands");
    writer.run(stop).await;
}

/// Starts the writer; retries until the log can be read and written.
async fn start_writer(
    config: &Config,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: &Component,
) -> (Writer, Mailbox) {
    let mut backoff = Backoff::new();
    loop {
        match try_start(config, committed.clone(), postgres).await {
            Ok(started) => return started,
            Err(error) => postgres.down(format!("{error:#}")),
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Every attempt has its own connections, so that a service that refuses to start has no connections of a writer: they are how
/// `command-service raise-incarnation` recognises a writer.
async fn try_start(
    config: &Config,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: &Component,
) -> anyhow::Result<(Writer, Mailbox)> {
    if let Some(relay) = &config.relay
        && let Some(kafka) = &relay.kafka
    {
        let log = open_log(config, "command-service start", 1);
        check_log_against_kafka(kafka, relay.partitions, &log).await?;
    }
    let log = open_log(config, writers::APPLICATION_NAME, config.connections);
    let (writer, mailbox) = Writer::start(log, config.writer.clone(), committed, postgres.clone()).await?;
    Ok((writer.selling_through(config.channels.clone()), mailbox))
}

fn open_log(config: &Config, application: &str, connections: u32) -> Log {
    let options = config.database.clone().application_name(application);
    Log::new(Database::new(options, connections, config.database_timeout))
}

/// Refuses to start if the log has lost events that are in Kafka. Does not wait for Kafka if it is unavailable: the relay checks again
/// before it publishes.
async fn check_log_against_kafka(kafka: &relay::Kafka, partitions: i32, log: &Log) -> anyhow::Result<()> {
    let checking = relay::log_check::check_against_kafka(kafka, partitions, log);
    match tokio::time::timeout(KAFKA_TAIL_TIMEOUT, checking).await {
        Ok(Err(lost @ relay::Error::LostEvents(_))) => Err(lost.into()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("Kafka is unavailable; starting without comparing the log with the published events");
            Ok(())
        }
    }
}

struct RelayTask {
    batches: mpsc::Sender<Arc<[events::Recorded]>>,
    stop: Shutdown,
    task: JoinHandle<()>,
}

/// Starts the relay with its own connections, so that relay and writer never wait for each other's connections.
fn start_relay(config: &Config, health: &Health) -> Option<RelayTask> {
    let options = config.database.clone().application_name("command-service relay");
    let database = Database::new(options, RELAY_CONNECTIONS, config.database_timeout);
    let Some(config) = config.relay.clone() else {
        tracing::warn!(
            "KAFKA_BROKERS is not set: the log is not published, and read models are not updated. Set it to the brokers of Kafka, \
             or to an empty value to run the platform without Kafka"
        );
        return None;
    };
    match &config.kafka {
        Some(kafka) => tracing::info!(kafka.brokers = kafka.brokers, "publishing the log to Kafka"),
        None => tracing::info!(
            "KAFKA_BROKERS is empty: running without Kafka. Read models follow the log, and no events are sent. Before Kafka \
             is used later, publish the earlier events with `command-service republish`"
        ),
    }
    let (batches, taken) = mpsc::channel(RELAY_QUEUE);
    let stop = Shutdown::new();
    let task =
        tokio::spawn(relay::run(config, database.clone(), Log::new(database), taken, health.clone(), stop.clone()));
    Some(RelayTask { batches, stop, task })
}

/// Runs the schedule once the writer has started, with its own connection.
async fn run_schedule(config: Arc<Config>, mailbox: oneshot::Receiver<Mailbox>, health: Health, shutdown: Shutdown) {
    let health = health.optional("schedule");
    let Some(Ok(mailbox)) = shutdown.unless_requested(mailbox).await else { return };
    let options = config.database.clone().application_name("command-service schedule");
    let database = Database::new(options, SCHEDULE_CONNECTIONS, config.database_timeout);
    schedule::run(Schedule::new(config.schedule.clone(), database, mailbox), health, shutdown).await;
}
