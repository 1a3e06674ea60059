//! One database that can be read: its pool, and whether it answers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use platform::health::Component;
use platform::metric_names::{QUERY_DATABASE_FAILURES_TOTAL, QUERY_DATABASE_SECONDS};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{PgPool, Postgres};
use tokio::sync::watch;

use super::{Config, Failure, Statement};

/// The server breaks a statement off; where even that does not arrive, the connection is given up so much later.
const SILENCE: Duration = Duration::from_millis(500);
/// A connection is replaced after this time, so that a changed route or server is taken up.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// What the server needs to notice that this process's host vanished; it ignores them on Unix sockets. sqlx gives no access to
/// its sockets, so the same cannot be had on this side: every wait has a limit instead.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// How long a statement is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until the watch says that the database is silent: another one may answer.
    UnlessSilent,
    /// For as long as a statement may take.
    ToTheEnd,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Primary,
    Replica,
}

impl Name {
    pub(super) fn word(self) -> &'static str {
        match self {
            Name::Primary => "primary",
            Name::Replica => "replica",
        }
    }
}

/// One database.
pub(super) struct Source {
    pub(super) name: Name,
    /// For the connection that looks at it all the time, beside the pool.
    pub(super) options: PgConnectOptions,
    pool: PgPool,
    /// Connections of the pool at most.
    connections: u32,
    /// How long a look may take.
    pub(super) probe_timeout: Duration,
    patience: Duration,
    /// Whether it neither answered nor refused when it was last asked.
    silent: watch::Sender<bool>,
    /// Hopeful before the first look, so that the first request need not wait for it.
    answers: AtomicBool,
    lag_ms: AtomicU64,
    component: Component,
    seconds: Histogram,
    failures: Counter,
}

impl Source {
    pub(super) fn new(name: Name, options: PgConnectOptions, config: &Config, component: Component) -> Source {
        let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
        // Custom plans prune partitions while planning and know the limit; generic ones lock every month and guess.
        let options = options.application_name("query-service").options(KEEPALIVES).options([
            ("statement_timeout", statement_timeout.as_str()),
            ("plan_cache_mode", "force_custom_plan"),
            ("default_transaction_read_only", "on"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(config.connections)
            .acquire_timeout(config.acquire_timeout)
            .acquire_slow_threshold(config.acquire_timeout)
            .max_lifetime(CONNECTION_LIFETIME)
            // A round trip before every statement would find out what the statement finds out itself.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let patience = config.statement_timeout + SILENCE;
        // Nobody stands in for the primary.
        let probe_timeout = match name {
            Name::Primary => config.probe_timeout * 2,
            Name::Replica => config.probe_timeout,
        };
        let (answers, silent) = (AtomicBool::new(true), watch::Sender::new(false));
        let seconds = metrics::histogram!(QUERY_DATABASE_SECONDS, "source" => name.word());
        let failures = metrics::counter!(QUERY_DATABASE_FAILURES_TOTAL, "source" => name.word());
        Source {
            name,
            options,
            pool,
            connections: config.connections,
            probe_timeout,
            patience,
            silent,
            answers,
            lag_ms: AtomicU64::new(0),
            component,
            seconds,
            failures,
        }
    }

    /// Whether it answered when it was last asked.
    pub(super) fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// How far behind the primary it is.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_ms.load(Ordering::Relaxed))
    }

    pub(super) fn lags_by(&self, lag: Duration) {
        self.lag_ms.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn up(&self) {
        self.answers.store(true, Ordering::Relaxed);
        self.silent.send_if_modified(std::mem::take);
        self.component.up();
    }

    pub(super) fn down(&self, failure: &Failure) {
        self.answers.store(false, Ordering::Relaxed);
        if let Failure::Silent = failure {
            self.silent.send_replace(true);
        }
        self.component.down(failure.story());
    }

    /// Runs a statement. Call it from a task of its own: it must not be dropped half way.
    pub(super) async fn run(&self, statement: &Statement, wait: Wait) -> Result<Vec<PgRow>, Failure> {
        let began = Instant::now();
        let ended = self.attempt(statement, wait).await;
        self.seconds.record(began.elapsed().as_secs_f64());
        if let Err(failure) = &ended {
            self.failures.increment(1);
            if failure.is_down() {
                self.down(failure);
            }
        }
        ended
    }

    async fn attempt(&self, statement: &Statement, wait: Wait) -> Result<Vec<PgRow>, Failure> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.not_acquired(error))?;
        let fallen_silent = async {
            let mut silent = self.silent.subscribe();
            match wait {
                Wait::UnlessSilent => drop(silent.wait_for(|silent| *silent).await),
                Wait::ToTheEnd => std::future::pending().await,
            }
        };
        let answered = tokio::select! {
            biased;
            answered = tokio::time::timeout(self.patience, statement.fetch_all(&mut connection)) => answered.ok(),
            () = fallen_silent => None,
        };
        match answered {
            Some(answered) => {
                self.give_back(connection);
                answered.map_err(Failure::of)
            }
            None => {
                self.close(connection);
                Err(Failure::Silent)
            }
        }
    }

    /// Returns a connection to the pool, which pings the server first and would wait for the answer without a limit.
    fn give_back(&self, mut connection: PoolConnection<Postgres>) {
        let (returning, patience) = (connection.return_to_pool(), self.patience);
        // Where the patience ends this drops the connection, which closes it and makes room for another one.
        tokio::spawn(async move { tokio::time::timeout(patience, returning).await });
    }

    /// Closes a connection without another word, and the idle ones with it: they lead to the same server.
    fn close(&self, connection: PoolConnection<Postgres>) {
        drop(connection.detach());
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }

    /// A pool says "timed out" also when it could not connect: then there is room for more connections.
    fn not_acquired(&self, error: sqlx::Error) -> Failure {
        match Failure::of(error) {
            Failure::Busy if !self.answers() => Failure::Unusable(sqlx::Error::PoolTimedOut),
            Failure::Busy if self.pool.size() < self.connections => Failure::Unreached,
            failure => failure,
        }
    }
}
