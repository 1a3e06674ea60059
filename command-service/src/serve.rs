//! Puts the process together: listens at once, is ready when the log is read, and stops in the order in which work flows.

mod importing;

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
use crate::schedule::{self, Schedule};
use crate::writer::{Mailbox, Writer};
use importing::Importing;

/// Committed batches that wait for the relay; it reads what it misses from the log.
const RELAY_QUEUE: usize = 64;

/// One saves the checkpoint, one reads the log, one looks at its head.
const RELAY_CONNECTIONS: u32 = 3;

/// It does one thing after the other.
const SCHEDULE_CONNECTIONS: u32 = 1;

/// How long a start waits for Kafka's word.
const ASK_KAFKA: Duration = Duration::from_secs(3);

/// Serves until shutdown is requested. If a part of the service fails, the process ends, so that a supervisor can restart it.
///
/// The future is boxed: the service is then compiled once, with this library, and not again with each program that runs it.
pub fn run(config: Config, shutdown: Shutdown) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>> {
    Box::pin(serve(config, shutdown))
}

async fn serve(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let health = Health::new();
    // Before anybody can ask: a process whose parts are not known yet would seem ready.
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
    let importing = Importing::new(&config);
    let mailbox = http::HttpState::with_bulk_imports(importing.imports());
    let limits = importing.http_limits(&config.http);
    let router = http::router(mailbox.clone(), &config.emails);
    let serving = tokio::spawn(server::serve(listener, router, limits, shutdown.clone()));
    let working = importing.start(mailbox.clone(), health.optional("imports"), shutdown.clone());
    let relayed = start_relay(&config, &health);
    let (opened, mailbox_opens) = oneshot::channel();
    let scheduling = tokio::spawn(keep_schedule(config.clone(), mailbox_opens, health.clone(), shutdown.clone()));
    let stop = Shutdown::new();
    let parts = Parts {
        config,
        slot: mailbox,
        opened,
        committed: relayed.as_ref().map(|relay| relay.batches.clone()),
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
    serving.await.context("the HTTP server died")?;
    working.await.context("the workers of imports died")?;
    scheduling.await.context("the schedule died")?;
    stop.request();
    let written = match ended {
        Some(ended) => ended,
        None => writing.await,
    };
    if let Some(relay) = relayed {
        relay.stop.request();
        relay.task.await.context("the relay died")?;
    }
    admin_stop.request();
    admin.await.context("the admin server died")?;
    written.context("the writer died")
}

/// What the writer's thread takes with it.
struct Parts {
    config: Arc<Config>,
    slot: http::HttpState,
    /// Tells the schedule where the mailbox is.
    opened: oneshot::Sender<Mailbox>,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: Component,
    /// Nothing new is taken from now on.
    shutdown: Shutdown,
    /// All that was taken is in the mailbox.
    stop: Shutdown,
}

/// One batch follows the other, so whatever delays the writer delays everybody: it has a thread and connections of its own
/// and never queues behind a thousand requests that are ready to run.
fn on_own_thread(work: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the writer's thread")?;
    Ok(tokio::task::spawn_blocking(move || runtime.block_on(work)))
}

/// Starts the writer and runs it until all that was taken is answered.
async fn write(parts: Parts) {
    let Parts { config, slot, opened, committed, postgres, shutdown, stop } = parts;
    let log = Log::new(Database::new(config.database.clone(), config.connections, config.database_timeout));
    let starting = start_writer(&config, log, committed, &postgres);
    let Some((writer, mailbox)) = shutdown.unless_requested(starting).await else { return };
    // Nobody listens any more if the process is about to stop.
    let _ = opened.send(mailbox.clone());
    slot.open_mailbox(mailbox);
    postgres.up();
    tracing::info!("taking commands");
    writer.run(stop).await;
}

/// Waits for a log that can be written, however long that takes.
async fn start_writer(
    config: &Config,
    log: Log,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: &Component,
) -> (Writer, Mailbox) {
    let mut backoff = Backoff::new();
    loop {
        match try_start(config, &log, committed.clone(), postgres).await {
            Ok(started) => return started,
            Err(error) => postgres.down(format!("{error:#}")),
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

async fn try_start(
    config: &Config,
    log: &Log,
    committed: Option<mpsc::Sender<Arc<[events::Recorded]>>>,
    postgres: &Component,
) -> anyhow::Result<(Writer, Mailbox)> {
    if let Some(relay) = &config.relay {
        check_log_against_kafka(relay, log).await?;
    }
    let (writer, mailbox) = Writer::start(log.clone(), config.writer.clone(), committed, postgres.clone()).await?;
    Ok((writer.selling_through(config.channels.clone()), mailbox))
}

/// Refuses to start if the log has lost events that are in Kafka. Does not wait for Kafka if it is unavailable: the relay checks again
/// before it publishes.
async fn check_log_against_kafka(config: &relay::Config, log: &Log) -> anyhow::Result<()> {
    match tokio::time::timeout(ASK_KAFKA, relay::log_check::check_against_kafka(config, log)).await {
        Ok(Err(lost @ relay::Error::LostEvents(_))) => Err(lost.into()),
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("Kafka is unavailable; starting without comparing the log with the published events");
            Ok(())
        }
    }
}

struct Relayed {
    batches: mpsc::Sender<Arc<[events::Recorded]>>,
    stop: Shutdown,
    task: JoinHandle<()>,
}

/// The relay has connections of its own, so that it never waits for the writer's nor the writer for them.
fn start_relay(config: &Config, health: &Health) -> Option<Relayed> {
    let database = Database::new(config.database.clone(), RELAY_CONNECTIONS, config.database_timeout);
    let config = config.relay.clone()?;
    let (batches, taken) = mpsc::channel(RELAY_QUEUE);
    let stop = Shutdown::new();
    let task =
        tokio::spawn(relay::run(config, database.clone(), Log::new(database), taken, health.clone(), stop.clone()));
    Some(Relayed { batches, stop, task })
}

/// Keeps the schedule once there is a writer, over a connection of its own.
async fn keep_schedule(config: Arc<Config>, mailbox: oneshot::Receiver<Mailbox>, health: Health, shutdown: Shutdown) {
    let health = health.optional("schedule");
    let Some(Ok(mailbox)) = shutdown.unless_requested(mailbox).await else { return };
    let database = Database::new(config.database.clone(), SCHEDULE_CONNECTIONS, config.database_timeout);
    schedule::run(Schedule::new(config.schedule.clone(), database, mailbox), health, shutdown).await;
}
