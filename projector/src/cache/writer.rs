//! The task that writes values to Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform::backoff::Backoff;
use platform::batch_window::{self, BatchWindow};
use platform::health::Component;
use platform::metric_names::{PROJECTOR_CACHE_FAILURES_TOTAL, PROJECTOR_CACHE_WRITES_TOTAL};
use read_model::cache::{SET_UNLESS_NEWER, jittered};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Script};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::entry::{Entry, bytes_of};
use super::refusal::{is_refusal, lacks_script};
use super::waiting::Waiting;

/// Timeout for a response of Redis.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(50);

/// Timeout for a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Interval at which an idle writer checks whether Redis is available.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Writes queued values to Redis.
#[derive(Debug)]
pub struct Writer {
    client: Client,
    connection: Option<MultiplexedConnection>,
    script: Script,
    inbox: mpsc::Receiver<Vec<Entry>>,
    /// Size of the queue in bytes.
    queued_bytes: Arc<AtomicUsize>,
    waiting: Waiting,
    window: BatchWindow,
    availability: Availability,
}

/// Whether Redis is available, and when to try again.
struct Availability {
    component: Component,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl std::fmt::Debug for Availability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Availability").field("retry_at", &self.retry_at).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(
        client: Client,
        inbox: mpsc::Receiver<Vec<Entry>>,
        queued_bytes: Arc<AtomicUsize>,
        component: Component,
    ) -> Writer {
        let backoff = Backoff::between(Duration::from_millis(200), Duration::from_secs(5));
        Writer {
            client,
            connection: None,
            script: Script::new(SET_UNLESS_NEWER),
            inbox,
            queued_bytes,
            waiting: Waiting::default(),
            window: BatchWindow::new(batch_window::CACHE),
            availability: Availability { component, backoff, retry_at: None },
        }
    }

    /// Writes queued values until all clones of the cache are dropped.
    pub async fn run(mut self) {
        self.ping().await;
        loop {
            let wake_at = self.availability.retry_at.unwrap_or_else(|| Instant::now() + PING_EVERY);
            match tokio::time::timeout_at(wake_at, self.inbox.recv()).await {
                Ok(Some(entries)) => {
                    tokio::time::sleep_until(self.window.closes_at(Instant::now().into_std()).into()).await;
                    self.take(entries);
                    self.window.forwarded(Instant::now().into_std());
                }
                Ok(None) => break,
                Err(_) if self.waiting.is_empty() => self.ping().await,
                Err(_) => {}
            }
            self.write_waiting().await;
        }
        self.write_waiting().await;
    }

    /// Takes a batch and all further queued batches; the last value of a key replaces earlier ones.
    fn take(&mut self, entries: Vec<Entry>) {
        let mut next = Some(entries);
        while let Some(entries) = next {
            self.queued_bytes.fetch_sub(bytes_of(&entries), Ordering::Relaxed);
            let dropped = entries.into_iter().filter_map(|entry| self.waiting.put(entry).err()).count();
            metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(dropped as u64);
            next = self.inbox.try_recv().ok();
        }
    }

    /// Writes waiting values, unless Redis failed recently.
    async fn write_waiting(&mut self) {
        while !self.waiting.is_empty() && self.availability.may_try() {
            let keys = self.waiting.next_keys();
            let written = self.write(&keys).await;
            // Redis would refuse the same values again; after any other error the values keep waiting.
            if written.as_ref().err().is_none_or(is_refusal) {
                keys.iter().for_each(|key| self.waiting.remove(key));
            }
            self.record(written, keys.len());
        }
    }

    async fn ping(&mut self) {
        let pinged = match self.connection().await {
            Ok(connection) => redis::cmd("PING").exec_async(connection).await,
            Err(error) => Err(error),
        };
        self.record(pinged, 0);
    }

    fn record(&mut self, outcome: RedisResult<()>, values: usize) {
        match outcome {
            Ok(()) => {
                metrics::counter!(PROJECTOR_CACHE_WRITES_TOTAL).increment(values as u64);
                self.availability.up();
            }
            Err(error) => {
                self.connection = None;
                metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(1);
                self.availability.down(&error);
            }
        }
    }

    /// Writes the waiting values of `keys`, and loads the script if Redis does not have it.
    async fn write(&mut self, keys: &[String]) -> RedisResult<()> {
        let mut pipeline = redis::pipe();
        for key in keys {
            let Some((value, ttl)) = self.waiting.get(key) else { continue };
            let ttl_ms = jittered(ttl, fastrand::u32(..)).as_millis() as u64;
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
                    .set_response_timeout(Some(RESPONSE_TIMEOUT));
                self.client.get_multiplexed_async_connection_with_config(&config).await?
            }
        };
        Ok(self.connection.insert(connection))
    }

    #[cfg(test)]
    pub(super) fn queued_batches(&self) -> usize {
        self.inbox.len()
    }

    #[cfg(test)]
    pub(super) async fn take_queued(&mut self) {
        let entries = self.inbox.recv().await.expect("a batch is queued");
        self.take(entries);
    }
}

impl Availability {
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
