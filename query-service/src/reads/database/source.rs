//! One database, the primary or a replica: its connection pool, its lag, and whether it answers.
//!
//! [`super::routing`] chooses among them; [`super::watch`] reports here what its probes observe.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use platform::health::Component;
use platform::metric_names::{QUERY_DATABASE_FAILURES_TOTAL, QUERY_DATABASE_SECONDS};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::watch;

use super::config::Config;
use super::failure::Failure;
use super::statement::Statement;

/// The server cancels a statement at its time limit. If even the cancellation does not arrive, the connection is closed after
/// this additional time.
pub(super) const CANCELLATION_DELAY_MAX: Duration = Duration::from_millis(500);
/// Prepared statements of a connection: a few for each month, because the text of a statement has the months that it reads.
const STATEMENTS_MAX: usize = 400;
/// Longest wait for a connection that does not belong to the pool.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is replaced after this time, so that a changed DNS entry or server takes effect.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Let the server notice that the host of this process vanished; ignored on Unix sockets. sqlx gives no access to its sockets,
/// so this side cannot set the same options: every wait has a time limit instead.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// How long to wait for the result of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until a probe finds the database unresponsive: the other database may answer.
    UntilUnresponsive,
    /// Until the time limit of the statement.
    ToTheEnd,
}

/// The role of a database, which identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceName {
    /// The primary.
    Primary,
    /// The replica with this name.
    Replica(&'static str),
}

impl SourceName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            SourceName::Primary => "primary",
            SourceName::Replica(name) => name,
        }
    }
}

/// A database that serves reads.
pub(super) struct Source {
    pub(super) name: SourceName,
    /// For the connections of probes and exports, which do not belong to the pool.
    pub(super) options: PgConnectOptions,
    pool: PgPool,
    /// Maximum size of the pool.
    connections: u32,
    /// Longest duration of a probe.
    pub(super) probe_timeout: Duration,
    /// Longest wait for the result of a statement.
    result_timeout: Duration,
    /// Whether the last probe or statement received no response at all.
    unresponsive: watch::Sender<bool>,
    /// True before the first probe, so that the first request does not wait for it.
    answers: AtomicBool,
    lag_ms: AtomicU64,
    component: Component,
    seconds: Histogram,
    failures: Counter,
}

impl Source {
    pub(super) fn new(name: SourceName, options: PgConnectOptions, config: &Config, component: Component) -> Source {
        let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
        // A statement that is kept soon gets a plan that is made once; one that is not kept is planned with its values (manual,
        // PREPARE, notes).
        let options = options.application_name("query-service").options(KEEPALIVES).options([
            ("statement_timeout", statement_timeout.as_str()),
            ("plan_cache_mode", "auto"),
            ("default_transaction_read_only", "on"),
        ]);
        let options = options.statement_cache_capacity(STATEMENTS_MAX);
        let pool = PgPoolOptions::new()
            .max_connections(config.connections)
            .acquire_timeout(config.acquire_timeout)
            .acquire_slow_threshold(config.acquire_timeout)
            .max_lifetime(CONNECTION_LIFETIME)
            // The statement itself detects a broken connection; a test would cost one more round trip.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let result_timeout = config.statement_timeout + CANCELLATION_DELAY_MAX;
        // The primary has no substitute, so its probe may take longer.
        let probe_timeout = match name {
            SourceName::Primary => config.probe_timeout * 2,
            SourceName::Replica(_) => config.probe_timeout,
        };
        let (answers, unresponsive) = (AtomicBool::new(true), watch::Sender::new(false));
        let seconds = metrics::histogram!(QUERY_DATABASE_SECONDS, "source" => name.as_str());
        let failures = metrics::counter!(QUERY_DATABASE_FAILURES_TOTAL, "source" => name.as_str());
        Source {
            name,
            options,
            pool,
            connections: config.connections,
            probe_timeout,
            result_timeout,
            unresponsive,
            answers,
            lag_ms: AtomicU64::new(0),
            component,
            seconds,
            failures,
        }
    }

    /// Whether the last probe or statement was answered.
    pub(super) fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// Opens a connection that does not belong to the pool, for a long read with a statement timeout of its own.
    pub(super) async fn connect(&self, statement_timeout: Duration) -> Result<PgConnection, Failure> {
        let timeout = format!("{}ms", statement_timeout.as_millis());
        let options = self.options.clone().options([
            ("statement_timeout", timeout.as_str()),
            // A reader that stops closes the connection; the server then ends the statement within this time.
            ("client_connection_check_interval", "2s"),
        ]);
        match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(connected) => connected.map_err(Failure::of),
            Err(_) => Err(Failure::ConnectTimeout),
        }
    }

    /// Lag behind the primary.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_ms.load(Ordering::Relaxed))
    }

    pub(super) fn set_lag(&self, lag: Duration) {
        self.lag_ms.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn up(&self) {
        self.answers.store(true, Ordering::Relaxed);
        self.unresponsive.send_if_modified(std::mem::take);
        self.component.up();
    }

    pub(super) fn down(&self, failure: &Failure) {
        self.answers.store(false, Ordering::Relaxed);
        if let Failure::Unresponsive = failure {
            self.unresponsive.send_replace(true);
        }
        self.component.down(failure.with_cause());
    }

    /// Runs a statement. Call it in a task of its own: the future must not be dropped before it ends.
    pub(super) async fn run(&self, statement: &Statement, wait: Wait) -> Result<Vec<PgRow>, Failure> {
        let began = Instant::now();
        let result = self.attempt(statement, wait).await;
        self.seconds.record(began.elapsed().as_secs_f64());
        if let Err(failure) = &result {
            self.failures.increment(1);
            if failure.is_down() {
                self.down(failure);
            }
        }
        result
    }

    async fn attempt(&self, statement: &Statement, wait: Wait) -> Result<Vec<PgRow>, Failure> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.not_acquired(error))?;
        let became_unresponsive = async {
            let mut unresponsive = self.unresponsive.subscribe();
            match wait {
                Wait::UntilUnresponsive => drop(unresponsive.wait_for(|is_unresponsive| *is_unresponsive).await),
                Wait::ToTheEnd => std::future::pending().await,
            }
        };
        let answered = tokio::select! {
            biased;
            answered = tokio::time::timeout(self.result_timeout, statement.fetch_all(&mut connection)) => answered.ok(),
            () = became_unresponsive => None,
        };
        match answered {
            Some(answered) => {
                self.give_back(connection);
                answered.map_err(Failure::of)
            }
            None => {
                self.close(connection);
                Err(Failure::Unresponsive)
            }
        }
    }

    /// Returns a connection to the pool, which pings the server first and would wait for the response without a time limit.
    fn give_back(&self, mut connection: PoolConnection<Postgres>) {
        let (returning, timeout) = (connection.return_to_pool(), self.result_timeout);
        // The timeout drops the connection, which closes it and makes room for another one.
        tokio::spawn(async move { tokio::time::timeout(timeout, returning).await });
    }

    /// Closes a connection without notifying the server, and all idle ones, which lead to the same server.
    fn close(&self, connection: PoolConnection<Postgres>) {
        drop(connection.detach());
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }

    /// A pool reports a timeout also when it could not connect; in that case the pool is not full.
    fn not_acquired(&self, error: sqlx::Error) -> Failure {
        match Failure::of(error) {
            Failure::Busy if !self.answers() => Failure::Unavailable(sqlx::Error::PoolTimedOut),
            Failure::Busy if self.pool.size() < self.connections => Failure::ConnectTimeout,
            failure => failure,
        }
    }
}
