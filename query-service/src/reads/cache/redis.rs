//! The Redis cache, shared by all instances: the projector writes documents when they change, this service adds documents that
//! were missing. The owner module of Redis in this crate.
//!
//! Redis may fail at any time. A request waits for it no longer than its budget, and after the first request that failed, no
//! request uses Redis until a ping succeeds within that budget (a circuit breaker): only [`Redis::keep_connected`] connects and
//! pings. A Redis that is full refuses writes and still serves reads, so refused writes only pause further writes. The
//! `ConnectionManager` of the redis crate is not used: its commands wait for reconnects, and it never retries after a refused
//! password.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::LogPosition;
use metrics::Counter;
use platform::config::FromSetting;
use platform::health::Component;
use platform::metric_names::QUERY_REDIS_FAILURES_TOTAL;
use platform::shutdown::Shutdown;
use read_model::cache::{Keys, SET_UNLESS_NEWER, encode, jittered};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, Script};
use tokio::sync::{Notify, Semaphore};

/// Pause before the ping after the first failure: a slow reply may be an exception. It doubles with every further failure that
/// follows without a success, up to [`PAUSE`], so that a Redis that answers only pings is not tried by every request.
const PROBE_PAUSE_MIN: Duration = Duration::from_millis(10);
/// Pause of writes after Redis refused one, because it is full or read-only.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// Pause before the next attempt to connect, and between two pings.
const PAUSE: Duration = Duration::from_secs(1);
/// Connecting takes longer than a command, and no request waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of concurrent writes to Redis; further documents are not written and will be read from the database again.
const WRITES_MAX: usize = 64;

/// Address and time limit of Redis.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the server.
    pub address: Address,
    /// Prefix of all keys.
    pub prefix: String,
    /// Longest wait of a request for Redis.
    pub budget: Duration,
}

/// Address of Redis; its debug output hides the password.
#[derive(Clone)]
pub struct Address(Client);

impl FromSetting for Address {
    const FORM: &'static str = "a Redis address such as redis://:password@localhost:6379/0";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        Client::open(text).ok().map(Address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A document as stored in Redis.
#[derive(Debug, Clone)]
pub struct CachedDocument {
    /// Its key in Redis.
    pub key: String,
    /// Log position of the last event in the document.
    pub at: LogPosition,
    /// The document.
    pub json: Bytes,
}

/// Redis, or nothing where no Redis is configured. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Option<Arc<Inner>>);

struct Inner {
    config: Config,
    script: Script,
    /// Present while Redis may be used.
    connection: RwLock<Option<MultiplexedConnection>>,
    /// Failures since the last success.
    consecutive_failures: AtomicU32,
    request_failed: Notify,
    writes: Arc<Semaphore>,
    /// Documents are written again after this time.
    writes_paused_until: Mutex<Option<Instant>>,
    failures: Counter,
}

impl Redis {
    /// Does not connect: [`Redis::keep_connected`] does.
    pub fn new(config: Option<Config>) -> Redis {
        Redis(config.map(|config| {
            Arc::new(Inner {
                config,
                script: Script::new(SET_UNLESS_NEWER),
                connection: RwLock::default(),
                consecutive_failures: AtomicU32::new(0),
                request_failed: Notify::new(),
                writes: Arc::new(Semaphore::new(WRITES_MAX)),
                writes_paused_until: Mutex::default(),
                failures: metrics::counter!(QUERY_REDIS_FAILURES_TOTAL),
            })
        }))
    }

    /// Whether a Redis is configured.
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// The keys of a generation's documents; `None` where no Redis is configured.
    pub fn keys(&self, generation: i32) -> Option<Keys> {
        self.0.as_ref().map(|inner| Keys::new(inner.config.prefix.clone(), generation))
    }

    /// The documents with these keys; `None` unless all of them are found and decoded within the budget.
    pub async fn get(&self, keys: &[String]) -> Option<Vec<CachedDocument>> {
        let inner = self.0.as_ref()?;
        let mut connection = inner.connection()?;
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.get(key);
        }
        let reading = pipeline.query_async::<Vec<Option<Vec<u8>>>>(&mut connection);
        let values = inner.within_budget(reading).await.map_err(|_| inner.stop_requests()).ok()?;
        keys.iter().zip(values).map(|(key, value)| decode(key, value?)).collect()
    }

    /// Writes documents in the background, unless Redis has a newer version. They expire after at most `ttl`.
    pub fn write(&self, documents: Vec<CachedDocument>, ttl: Duration) {
        let Some(inner) = self.0.clone() else { return };
        let Some(mut connection) = inner.connection().filter(|_| inner.accepts_writes()) else { return };
        let Ok(permit) = Arc::clone(&inner.writes).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _permit = permit;
            for CachedDocument { key, at, json } in documents {
                let Ok(json) = std::str::from_utf8(&json) else { continue };
                let ttl_ms = jittered(ttl, fastrand::u32(..)).as_millis().max(1) as u64;
                let mut set = inner.script.key(key);
                let writing = set.arg(encode(at, json)).arg(ttl_ms).invoke_async::<i64>(&mut connection);
                match inner.within_budget(writing).await {
                    Ok(_) => {}
                    Err(Some(error)) if is_refusal(&error) => return inner.pause_writes(&error),
                    Err(_) => return inner.stop_requests(),
                }
            }
        });
    }

    /// Returns once Redis may be used.
    pub async fn usable(&self) {
        while self.0.as_ref().is_some_and(|inner| inner.connection().is_none()) {
            tokio::time::sleep(PROBE_PAUSE_MIN).await;
        }
    }

    /// Connects, and reconnects whenever the connection is lost, until the service stops.
    pub async fn keep_connected(self, component: Option<Component>, shutdown: Shutdown) {
        let (Some(inner), Some(component)) = (self.0, component) else { return };
        let keeping = async {
            loop {
                let reason = inner.hold_connection(&component).await;
                *inner.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
                component.down(reason);
                tokio::time::sleep(PAUSE).await;
            }
        };
        shutdown.unless_requested(keeping).await;
    }
}

impl Inner {
    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a command for a request, within the budget. After a failure the request reads the database.
    async fn within_budget<T>(
        &self,
        command: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, Option<RedisError>> {
        let error = match tokio::time::timeout(self.config.budget, command).await {
            Ok(Ok(reply)) => {
                if self.consecutive_failures.load(Ordering::Relaxed) > 0 {
                    self.consecutive_failures.store(0, Ordering::Relaxed);
                }
                return Ok(reply);
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.failures.increment(1);
        Err(error)
    }

    /// No request uses Redis until a ping succeeds.
    fn stop_requests(&self) {
        let was_usable = self.connection.write().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_usable {
            self.consecutive_failures.fetch_add(1, Ordering::Relaxed);
            self.request_failed.notify_one();
        }
    }

    fn accepts_writes(&self) -> bool {
        let paused_until = *self.writes_paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        paused_until.is_none_or(|until| until <= Instant::now())
    }

    /// Logs the first refusal of a pause.
    fn pause_writes(&self, error: &RedisError) {
        if !self.accepts_writes() {
            return;
        }
        tracing::warn!(%error, pause_ms = WRITE_PAUSE.as_millis() as u64, "Redis refuses writes; documents are not cached");
        *self.writes_paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + WRITE_PAUSE);
    }

    /// Pause before the ping that lets requests use Redis again.
    fn probe_pause(&self) -> Duration {
        let failures = self.consecutive_failures.load(Ordering::Relaxed);
        PAUSE.min(PROBE_PAUSE_MIN.saturating_mul(1 << failures.min(10)))
    }

    /// Connects and pings until the connection fails; returns the reason.
    async fn hold_connection(&self, component: &Component) -> String {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(CONNECT_TIMEOUT));
        let mut connection = match self.config.address.0.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => connection,
            Err(error) => return format!("cannot connect: {error}"),
        };
        loop {
            // After a request failed, Redis is used again only once it answers a ping within the budget of a request.
            let limit = if self.connection().is_some() { CONNECT_TIMEOUT } else { self.config.budget };
            match tokio::time::timeout(limit, redis::cmd("PING").exec_async(&mut connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return format!("ping failed: {error}"),
                Err(_) => return format!("ping timed out after {limit:?}"),
            }
            self.publish(&connection);
            component.up();
            tokio::select! {
                () = self.request_failed.notified() => tokio::time::sleep(self.probe_pause()).await,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    fn publish(&self, connection: &MultiplexedConnection) {
        let mut published = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        if published.is_none() {
            *published = Some(connection.clone());
        }
    }
}

/// Whether Redis works, but does not execute the command: it is full or read-only, or the user lacks the permission.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Decodes a value of Redis; `None` if it has another format.
fn decode(key: &str, value: Vec<u8>) -> Option<CachedDocument> {
    let (at, _) = read_model::cache::decode(&value)?;
    Some(CachedDocument { key: key.to_owned(), at, json: Bytes::from(value).slice(LogPosition::TEXT_BYTES..) })
}
