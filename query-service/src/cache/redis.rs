//! Redis as the second level: many may read what one has loaded. Written through by the projector, filled in by us.
//!
//! The door to Redis of this crate. It may vanish at any time: a request waits for it no longer than its budget, and while
//! it is away no request waits for it at all, because only [`Redis::keep_connected`] connects. Not the crate's own
//! `ConnectionManager`: there commands wait for reconnects, and a refused password is remembered for ever.

use events::LogPosition;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use metrics::Counter;
use platform::config::FromSetting;
use platform::health::Component;
use platform::metric_names::QUERY_REDIS_FAILURES_TOTAL;
use platform::shutdown::Shutdown;
use read_model::cache::{Keys, SET_UNLESS_NEWER, encode, jittered};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};
use tokio::sync::{Notify, Semaphore};

/// So many failures in a row, and Redis is not asked any more until it has answered a ping within the budget of a request.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone then, and between two pings.
const PAUSE: Duration = Duration::from_secs(1);
/// Making a connection takes longer than a command, and nobody waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Values on their way to Redis at once; more are not written, and are read from the database once more.
const FILLS_MAX: usize = 64;

/// Where Redis is and how long to bear with it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where.
    pub address: Address,
    /// What our keys begin with.
    pub prefix: String,
    /// Longest that a request waits for it.
    pub budget: Duration,
}

/// Where Redis is; hides the password in it.
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

/// A document as it stands in Redis and in the database.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its key in Redis.
    pub key: String,
    /// How new it is.
    pub stamp: LogPosition,
    /// The document.
    pub json: Bytes,
}

/// Redis, or the lack of it. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Option<Arc<Inner>>);

struct Inner {
    config: Config,
    keys: Keys,
    script: Script,
    /// There while Redis may be asked.
    connection: RwLock<Option<MultiplexedConnection>>,
    failures_in_a_row: AtomicU32,
    lost: Notify,
    fills: Arc<Semaphore>,
    failures: Counter,
}

impl Redis {
    /// Not connected yet: [`Redis::keep_connected`] does that.
    pub fn new(config: Option<Config>) -> Redis {
        Redis(config.map(|config| {
            Arc::new(Inner {
                keys: Keys::new(config.prefix.clone()),
                config,
                script: Script::new(SET_UNLESS_NEWER),
                connection: RwLock::default(),
                failures_in_a_row: AtomicU32::new(0),
                lost: Notify::new(),
                fills: Arc::new(Semaphore::new(FILLS_MAX)),
                failures: metrics::counter!(QUERY_REDIS_FAILURES_TOTAL),
            })
        }))
    }

    /// The names of keys, if there is a Redis.
    pub fn keys(&self) -> Option<&Keys> {
        self.0.as_ref().map(|inner| &inner.keys)
    }

    /// The documents with these keys; `None` unless all of them are there and readable within the budget.
    pub async fn get(&self, keys: &[String]) -> Option<Vec<Part>> {
        let inner = self.0.as_ref()?;
        let mut connection = inner.connection()?;
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.get(key);
        }
        let asking = pipeline.query_async::<Vec<Option<Vec<u8>>>>(&mut connection);
        let values = inner.within_budget(asking).await?;
        keys.iter().zip(values).map(|(key, value)| part(key, value?)).collect()
    }

    /// Writes documents in the background, each unless a newer one is there. They stay at most `ttl`.
    pub fn fill(&self, parts: Vec<Part>, ttl: Duration) {
        let Some(inner) = self.0.clone() else { return };
        let Some(mut connection) = inner.connection() else { return };
        let Ok(place) = Arc::clone(&inner.fills).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _place = place;
            for Part { key, stamp, json } in parts {
                let Ok(json) = std::str::from_utf8(&json) else { continue };
                let ttl_ms = jittered(ttl, fastrand::u32(..)).as_millis().max(1) as u64;
                let mut set = inner.script.key(key);
                let setting = set.arg(encode(stamp, json)).arg(ttl_ms).invoke_async::<i64>(&mut connection);
                if inner.within_budget(setting).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Connects, and connects again whenever Redis was lost, until asked to stop.
    pub async fn keep_connected(self, component: Option<Component>, shutdown: Shutdown) {
        let (Some(inner), Some(component)) = (self.0, component) else { return };
        let keeping = async {
            loop {
                let lost = inner.hold_connection(&component).await;
                *inner.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
                component.down(lost);
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

    /// What a request asks of Redis; whatever goes wrong is nothing that the reader needs to know.
    async fn within_budget<T>(&self, asking: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
        if let Ok(Ok(answer)) = tokio::time::timeout(self.config.budget, asking).await {
            if self.failures_in_a_row.load(Ordering::Relaxed) > 0 {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
            }
            return Some(answer);
        }
        self.failures.increment(1);
        if self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX {
            *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
            self.lost.notify_waiters();
        }
        None
    }

    /// Connects and holds the connection for as long as it is any good; returns why it is not.
    async fn hold_connection(&self, component: &Component) -> String {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(CONNECT_TIMEOUT));
        let mut connection = match self.config.address.0.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => connection,
            Err(error) => return format!("cannot connect: {error}"),
        };
        loop {
            // Who could not answer a request in time is not asked again before it answers a ping in that time.
            let limit = if self.connection().is_some() { CONNECT_TIMEOUT } else { self.config.budget };
            match tokio::time::timeout(limit, redis::cmd("PING").exec_async(&mut connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return format!("does not answer: {error}"),
                Err(_) => return format!("does not answer within {limit:?}"),
            }
            self.take_up(&connection);
            component.up();
            tokio::select! {
                () = self.lost.notified() => return format!("{FAILURES_MAX} requests in a row had no answer in time"),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    fn take_up(&self, connection: &MultiplexedConnection) {
        let mut held = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            *held = Some(connection.clone());
        }
    }
}

/// A value of Redis; `None` where it is not one of ours.
fn part(key: &str, value: Vec<u8>) -> Option<Part> {
    let (stamp, _) = read_model::cache::decode(&value)?;
    Some(Part { key: key.to_owned(), stamp, json: Bytes::from(value).slice(LogPosition::TEXT_BYTES..) })
}
