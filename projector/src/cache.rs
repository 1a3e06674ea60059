//! The redis door: writes changed documents through, after they are committed, with the one script of
//! `read_model::cache`.
//!
//! A task of its own, so that Redis can neither slow a projection down nor fail it. What cannot be written waits,
//! newest value per key, up to a bound; what is dropped there ends with its time to live. Every write may be repeated.

use std::collections::HashMap;
use std::time::Duration;

use platform::backoff::Backoff;
use platform::config::Secret;
use platform::health::Component;
use platform::metric_names::{PROJECTOR_CACHE_FAILURES_TOTAL, PROJECTOR_CACHE_WRITES_TOTAL};
use read_model::cache::{Keys, SET_UNLESS_NEWER, jittered};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longest wait for an answer of Redis.
const BUDGET: Duration = Duration::from_millis(50);

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Values in one pipeline: some 300 kB, a few milliseconds of Redis's time.
const PIPELINE_ENTRIES: usize = 200;

/// Keys that may wait for Redis: some 30 MB of orders.
const WAITING_MAX: usize = 20_000;

/// Batches that may wait for the task; one that finds no room is dropped.
const MAILBOX_BATCHES: usize = 64;

/// How often an idle task looks whether Redis is there.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A value on its way to Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// Stamp and JSON.
    pub value: String,
    /// Longest that it may stay; shortened a little when it is written.
    pub ttl: Duration,
}

/// Where workers hand in what they changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    keys: Keys,
    mailbox: mpsc::Sender<Vec<Entry>>,
}

impl Cache {
    /// A cache and the task that feeds it; [`Writer::run`] ends when every clone of the cache is gone.
    pub fn new(url: &Secret, prefix: &str, health: Component) -> RedisResult<(Cache, Writer)> {
        let (mailbox, inbox) = mpsc::channel(MAILBOX_BATCHES);
        let cache = Cache { keys: Keys::new(prefix), mailbox };
        Ok((cache, Writer::new(Client::open(url.expose())?, inbox, health)))
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Hands in values; never waits.
    pub fn write(&self, entries: Vec<Entry>) {
        let dropped = entries.len() as u64;
        if !entries.is_empty() && self.mailbox.try_send(entries).is_err() {
            metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(dropped);
        }
    }
}

/// The task that writes to Redis.
#[derive(Debug)]
pub struct Writer {
    client: Client,
    connection: Option<MultiplexedConnection>,
    script: Script,
    inbox: mpsc::Receiver<Vec<Entry>>,
    waiting: HashMap<String, (String, Duration)>,
    health: Health,
}

/// Whether Redis is worth a try.
struct Health {
    component: Component,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("retry_at", &self.retry_at).finish_non_exhaustive()
    }
}

impl Writer {
    fn new(client: Client, inbox: mpsc::Receiver<Vec<Entry>>, component: Component) -> Writer {
        let backoff = Backoff::between(Duration::from_millis(200), Duration::from_secs(5));
        Writer {
            client,
            connection: None,
            script: Script::new(SET_UNLESS_NEWER),
            inbox,
            waiting: HashMap::new(),
            health: Health { component, backoff, retry_at: None },
        }
    }

    /// Writes what is handed in until nobody can hand in any more.
    pub async fn run(mut self) {
        self.ping().await;
        loop {
            let wake_at = self.health.retry_at.unwrap_or_else(|| Instant::now() + PING_EVERY);
            match tokio::time::timeout_at(wake_at, self.inbox.recv()).await {
                Ok(Some(entries)) => self.take(entries),
                Ok(None) => break,
                Err(_) if self.waiting.is_empty() => self.ping().await,
                Err(_) => {}
            }
            self.write_waiting().await;
        }
        self.write_waiting().await;
    }

    /// Takes in a batch and whatever else has come; of one key the last value stays.
    fn take(&mut self, entries: Vec<Entry>) {
        let mut next = Some(entries);
        while let Some(entries) = next {
            for Entry { key, value, ttl } in entries {
                if self.waiting.len() < WAITING_MAX || self.waiting.contains_key(&key) {
                    self.waiting.insert(key, (value, ttl));
                } else {
                    metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(1);
                }
            }
            next = self.inbox.try_recv().ok();
        }
    }

    /// Writes what waits, unless Redis failed a moment ago.
    pub async fn write_waiting(&mut self) {
        while !self.waiting.is_empty() && self.health.may_try() {
            let keys: Vec<String> = self.waiting.keys().take(PIPELINE_ENTRIES).cloned().collect();
            let written = self.write(&keys).await;
            // What Redis refuses it would refuse again: only what it did not answer keeps waiting.
            if written.as_ref().err().is_none_or(is_refusal) {
                for key in &keys {
                    self.waiting.remove(key);
                }
            }
            self.settle(written, keys.len());
        }
    }

    async fn ping(&mut self) {
        let pinged = match self.connection().await {
            Ok(connection) => redis::cmd("PING").exec_async(connection).await,
            Err(error) => Err(error),
        };
        self.settle(pinged, 0);
    }

    fn settle(&mut self, outcome: RedisResult<()>, values: usize) {
        match outcome {
            Ok(()) => {
                metrics::counter!(PROJECTOR_CACHE_WRITES_TOTAL).increment(values as u64);
                self.health.up();
            }
            Err(error) => {
                self.connection = None;
                metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(1);
                self.health.down(&error);
            }
        }
    }

    /// Writes the values that wait under `keys`, loading the script where Redis has lost it.
    async fn write(&mut self, keys: &[String]) -> RedisResult<()> {
        let mut pipeline = redis::pipe();
        for key in keys {
            let Some((value, ttl)) = self.waiting.get(key) else { continue };
            let ttl_ms = jittered(*ttl, fastrand::u32(..)).as_millis() as u64;
            pipeline.cmd("EVALSHA").arg(self.script.get_hash()).arg(1).arg(key).arg(value).arg(ttl_ms).ignore();
        }
        let script = self.script.clone();
        let connection = self.connection().await?;
        match pipeline.exec_async(connection).await {
            Err(error) if lacks_script(&error) => {
                script.load_async(connection).await?;
                pipeline.exec_async(connection).await
            }
            outcome => outcome,
        }
    }

    async fn connection(&mut self) -> RedisResult<&mut MultiplexedConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(BUDGET));
                self.client.get_multiplexed_async_connection_with_config(&config).await?
            }
        };
        Ok(self.connection.insert(connection))
    }
}

/// Whether Redis answered, and said no.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn lacks_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

impl Health {
    fn may_try(&self) -> bool {
        self.retry_at.is_none_or(|retry_at| Instant::now() >= retry_at)
    }

    fn up(&mut self) {
        self.retry_at = None;
        self.backoff.reset();
        self.component.up();
    }

    fn down(&mut self, error: &RedisError) {
        self.retry_at = Some(Instant::now() + self.backoff.next_delay());
        self.component.down(error.to_string());
    }
}
