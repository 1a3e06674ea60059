//! The redis door: writes changed documents through, after they are committed, with the one script of
//! `read_model::cache`.
//!
//! A task of its own, so that Redis can neither slow a projection down nor fail it. What cannot be written waits,
//! newest value per key, up to a bound; what is dropped there ends with its time to live. Every write may be repeated.
//!
//! Redis that loads its data, is a replica, has no memory left or does not know us answers too, with an error: then it is not
//! available, and values wait. Only a value that it can never take is dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform::backoff::Backoff;
use platform::config::Secret;
use platform::health::Component;
use platform::metric_names::{PROJECTOR_CACHE_FAILURES_TOTAL, PROJECTOR_CACHE_WRITES_TOTAL};
use read_model::cache::{Keys, SET_UNLESS_NEWER, jittered};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Script, ServerError, ServerErrorKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longest wait for an answer of Redis.
const BUDGET: Duration = Duration::from_millis(50);

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Values in one pipeline: some 300 kB, a few milliseconds of Redis's time.
const PIPELINE_ENTRIES: usize = 200;

/// Bytes with which a pipeline is full, so that large values do not take longer than the budget; it has one value at least.
const PIPELINE_BYTES: usize = 1024 * 1024;

/// Keys that may wait for Redis: some 30 MB of orders.
const WAITING_MAX: usize = 20_000;

/// Bytes of values that may wait for Redis: 20,000 orders, and not 20,000 of the largest.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Batches that may wait for the task; one that finds no room is dropped.
const MAILBOX_BATCHES: usize = 64;

/// Bytes of values with which the mailbox has no more room.
const MAILBOX_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How often an idle task looks whether Redis is there.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A value on its way to Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// LogPosition and JSON.
    pub value: String,
    /// Longest that it may stay; shortened a little when it is written.
    pub ttl: Duration,
}

/// Where workers hand in what they changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    keys: Keys,
    mailbox: mpsc::Sender<Vec<Entry>>,
    /// Bytes in the mailbox.
    handed_in: Arc<AtomicUsize>,
}

impl Cache {
    /// A cache and the task that feeds it; [`Writer::run`] ends when every clone of the cache is gone.
    pub fn new(url: &Secret, prefix: &str, health: Component) -> RedisResult<(Cache, Writer)> {
        let (mailbox, inbox) = mpsc::channel(MAILBOX_BATCHES);
        let handed_in = Arc::new(AtomicUsize::new(0));
        let writer = Writer::new(Client::open(url.expose())?, inbox, Arc::clone(&handed_in), health);
        Ok((Cache { keys: Keys::new(prefix), mailbox, handed_in }, writer))
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Hands in values; never waits.
    pub fn write(&self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let (dropped, bytes) = (entries.len() as u64, bytes_of(&entries));
        let has_room = self.handed_in.fetch_add(bytes, Ordering::Relaxed) < MAILBOX_BYTES_MAX;
        if !has_room || self.mailbox.try_send(entries).is_err() {
            self.handed_in.fetch_sub(bytes, Ordering::Relaxed);
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
    /// Bytes in the inbox.
    handed_in: Arc<AtomicUsize>,
    waiting: Waiting,
    health: Health,
}

/// The values that wait for Redis, the newest of each key.
#[derive(Debug, Default)]
struct Waiting {
    values: HashMap<String, (String, Duration)>,
    bytes: usize,
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
    fn new(
        client: Client,
        inbox: mpsc::Receiver<Vec<Entry>>,
        handed_in: Arc<AtomicUsize>,
        component: Component,
    ) -> Writer {
        let backoff = Backoff::between(Duration::from_millis(200), Duration::from_secs(5));
        Writer {
            client,
            connection: None,
            script: Script::new(SET_UNLESS_NEWER),
            inbox,
            handed_in,
            waiting: Waiting::default(),
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
            self.handed_in.fetch_sub(bytes_of(&entries), Ordering::Relaxed);
            let dropped = entries.into_iter().filter_map(|entry| self.waiting.put(entry).err()).count();
            metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(dropped as u64);
            next = self.inbox.try_recv().ok();
        }
    }

    /// Writes what waits, unless Redis failed a moment ago.
    pub async fn write_waiting(&mut self) {
        while !self.waiting.is_empty() && self.health.may_try() {
            let keys = self.waiting.pipeline();
            let written = self.write(&keys).await;
            // What Redis refuses it would refuse again: only what it did not take for another reason keeps waiting.
            if written.as_ref().err().is_none_or(is_refusal) {
                keys.iter().for_each(|key| self.waiting.remove(key));
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
            let Some((value, ttl)) = self.waiting.values.get(key) else { continue };
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

impl Waiting {
    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes a value in, in the place of an older one of its key; gives it back where there is no room.
    fn put(&mut self, entry: Entry) -> Result<(), Entry> {
        let replaced = self.values.get(&entry.key).map(|(value, _)| value.len());
        let bytes = self.bytes - replaced.unwrap_or(0) + entry.value.len();
        let is_one_too_many = replaced.is_none() && self.values.len() >= WAITING_MAX;
        if is_one_too_many || bytes > WAITING_BYTES_MAX {
            // An older value of the key would live as long as the one that is dropped.
            self.remove(&entry.key);
            return Err(entry);
        }
        self.bytes = bytes;
        self.values.insert(entry.key, (entry.value, entry.ttl));
        Ok(())
    }

    fn remove(&mut self, key: &str) {
        if let Some((value, _)) = self.values.remove(key) {
            self.bytes -= value.len();
        }
    }

    /// The keys of the next pipeline.
    fn pipeline(&self) -> Vec<String> {
        let mut bytes = 0;
        let keys = self.values.iter().take(PIPELINE_ENTRIES).take_while(|(_, (value, _))| {
            let has_room = bytes == 0 || bytes + value.len() <= PIPELINE_BYTES;
            bytes += value.len();
            has_room
        });
        keys.map(|(key, _)| key.clone()).collect()
    }
}

fn bytes_of(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.value.len()).sum()
}

/// Whether Redis is well, and will never take these values.
fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let errors = error.clone().into_server_errors().unwrap_or_default();
            !errors.is_empty() && errors.iter().all(|(_, error)| is_about_value(error))
        }
        _ => false,
    }
}

/// Every other code is about Redis itself or about our rights: LOADING, READONLY, MASTERDOWN, CLUSTERDOWN, BUSY, OOM, MISCONF,
/// NOAUTH, NOPERM and so on.
fn is_about_value(error: &ServerError) -> bool {
    matches!(error.code(), "ERR" | "WRONGTYPE")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: usize, bytes: usize) -> Entry {
        Entry { key: key.to_string(), value: "x".repeat(bytes), ttl: Duration::from_secs(1) }
    }

    fn answer(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn only_what_is_wrong_with_a_value_refuses_it() {
        let about_redis = [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica. script: 1, on @user_script:3.",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
            "BUSY Redis is busy running a script",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOAUTH Authentication required.",
            "NOPERM this user has no permissions",
        ];
        for line in about_redis {
            assert!(!is_refusal(&answer(line)), "{line}");
        }
        for line in ["WRONGTYPE Operation against a key holding the wrong kind of value", "ERR string exceeds maximum"]
        {
            assert!(is_refusal(&answer(line)), "{line}");
        }
        assert!(!is_refusal(&RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))));
    }

    #[test]
    fn large_values_do_not_fill_the_memory() {
        let mut waiting = Waiting::default();
        let large = WAITING_BYTES_MAX / 4;
        for key in 0..4 {
            waiting.put(entry(key, large)).unwrap();
        }
        waiting.put(entry(4, 1)).unwrap_err();
        waiting.put(entry(0, 1)).unwrap();
        waiting.put(entry(4, 1)).unwrap();
        waiting.put(entry(1, 2 * large)).unwrap_err();
        assert!(!waiting.values.contains_key("1"), "an older value is no better than none");
        assert_eq!(waiting.bytes, 2 * large + 2);
    }

    #[test]
    fn a_pipeline_has_few_large_values_or_many_small_ones() {
        let mut waiting = Waiting::default();
        (0..1_000).for_each(|key| waiting.put(entry(key, 1)).unwrap());
        assert_eq!(waiting.pipeline().len(), PIPELINE_ENTRIES);
        let mut waiting = Waiting::default();
        (0..10).for_each(|key| waiting.put(entry(key, PIPELINE_BYTES / 3)).unwrap());
        assert_eq!(waiting.pipeline().len(), 3);
        let mut waiting = Waiting::default();
        (0..10).for_each(|key| waiting.put(entry(key, 2 * PIPELINE_BYTES)).unwrap());
        assert_eq!(waiting.pipeline().len(), 1);
    }

    #[tokio::test]
    async fn what_is_handed_in_is_bounded_in_bytes() {
        let component = platform::health::Health::new().optional("redis");
        let (cache, mut writer) = Cache::new(&Secret::new("redis://127.0.0.1:1/"), "", component).unwrap();
        for key in 0..5 {
            cache.write(vec![entry(key, MAILBOX_BYTES_MAX / 2)]);
        }
        assert_eq!(writer.inbox.len(), 2);
        let entries = writer.inbox.recv().await.unwrap();
        writer.take(entries);
        assert_eq!(cache.handed_in.load(Ordering::Relaxed), 0);
    }
}
