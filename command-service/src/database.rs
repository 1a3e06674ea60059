//! A connection pool to PostgreSQL with a time limit on every wait for the server.
//!
//! A frozen server, or a half-open TCP connection, neither answers nor refuses, and TCP keeps such a connection open for many
//! minutes. Therefore every wait for a response has a limit here. When the limit is reached, the connection is closed at once,
//! without another message to the server, together with all idle connections, which lead to the same server. The outcome of the
//! statement is then unknown. When the future that waits for a response is dropped, only its connection is closed: a connection
//! in the middle of a statement or a transaction never returns to the pool.
//!
//! sqlx gives no access to its sockets, so TCP keepalives and `TCP_USER_TIMEOUT` cannot be set on the client's side. They are set
//! on the server's side, so that the server releases the locks of a process that vanished after [`VANISHED_AFTER`].
//!
//! A process that is paused in the middle of a transaction would hold its locks until it resumes. Therefore the server ends a
//! transaction that is idle for [a part of the limit](IDLE_PART), and a statement that waits for a lock fails before its own
//! limit is reached ([`LOCK_PARTS`]).
//!
//! `&Database` is an [`Executor`] like `&PgPool`, so statements are written as for a pool. Failed operations are reported as
//! [`Error`] by everything in this crate that uses PostgreSQL.
//!
//! The pool of sqlx asks the server after each use of a connection whether the connection is usable, a second round trip, during which
//! the next user takes another connection. Here the result of the last statement shows that, and the connection that was used last is
//! used next, because its server process has in its caches what it needs.

mod error;

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType,
};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use platform::backoff::Backoff;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, Connection, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, Row, SqlStr,
};

pub use error::{Error, during};

/// Default limit of a wait for PostgreSQL: far longer than any statement of a writer takes on a busy machine, and shorter than
/// callers wait.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// Bounds of the delays between attempts to connect to a server that starts: several attempts fit into [`ACQUIRE_TIMEOUT`].
const CONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(100));

/// The server cancels a statement after this many times the limit: no caller waits for the response any more, and the statement
/// may hold locks. The server does not cancel earlier, because a slow statement that completes settles its outcome.
const STATEMENT_TIMEOUT: u32 = 20;

/// A transaction may be idle for the limit divided by this: many times longer than a process needs between two statements.
const IDLE_PART: u32 = 3;

/// A statement of a transaction waits for a lock for this many of these parts: longer than the holder of the lock may be idle,
/// and shorter than the limit of the wait for the response, so that the outcome is known.
const LOCK_PARTS: u32 = 2;

/// Time after which the server notices that the host of a process vanished: 5 s of silence, then three probes at intervals of 5 s.
const VANISHED_AFTER: Duration = Duration::from_secs(20);

/// The PostgreSQL settings for that; they have no effect on Unix sockets, which close when a process ends.
const KEEPALIVES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// A pool of connections with a limit on every wait for a response. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: Pool<Connector>,
    timeout: Duration,
}

/// Opens connections.
#[derive(Debug, Clone)]
struct Connector(PgConnectOptions);

impl Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// Tries again while the server starts or has no free connection; the pool limits the time.
    async fn create(&self) -> sqlx::Result<PgConnection> {
        let mut backoff = Backoff::between(CONNECT_DELAYS.0, CONNECT_DELAYS.1);
        loop {
            match PgConnection::connect_with(&self.0).await {
                Err(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(sqlx::Error::Database(error)) if error.is_transient_in_connect_phase() => {}
                connected => return connected,
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    async fn recycle(&self, connection: &mut PgConnection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        match connection.is_in_transaction() {
            true => Err(RecycleError::message("the connection is in a transaction")),
            false => Ok(()),
        }
    }
}

impl Database {
    /// A pool that connects on demand; `timeout` is the limit of every wait for a response.
    pub fn new(options: PgConnectOptions, connections: u32, timeout: Duration) -> Database {
        let options = options.options(KEEPALIVES).options([
            ("tcp_user_timeout", VANISHED_AFTER.as_millis().to_string()),
            ("statement_timeout", (timeout * STATEMENT_TIMEOUT).as_millis().to_string()),
        ]);
        Database { pool: pool(Connector(options), connections), timeout }
    }

    /// A separate pool of this many connections to the same server, with the same limit.
    pub fn beside(&self, connections: u32) -> Database {
        Database { pool: pool(self.pool.manager().clone(), connections), timeout: self.timeout }
    }

    /// A `PgPool` to the same server, for a library that accepts nothing else. It waits for responses without a limit.
    ///
    /// Such a library drops futures at any point, and a call of `PgPool::begin` that is dropped before the response arrives
    /// leaves a transaction open that sqlx does not know of: the statements of the next user of the connection would succeed and
    /// never be committed. Therefore the pool asks the server each time a connection is returned, a round trip that a job queue
    /// can afford.
    pub fn separate_pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_release(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        return Ok(false);
                    }
                    // Outside a transaction, both times are those of this statement; inside, the transaction began earlier.
                    let outside = sqlx::raw_sql("select now() = statement_timestamp()").fetch_one(connection).await?;
                    outside.try_get(0)
                })
            })
            .connect_lazy_with(self.pool.manager().0.clone())
    }

    /// Limit of every wait for a response.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection whose user limits the waits; see [`Acquired::end`].
    pub async fn acquire(&self) -> sqlx::Result<Acquired> {
        match self.pool.get().await {
            Ok(connection) => Ok(Acquired { connection: Some(connection), database: self.clone() }),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Timeout(TimeoutType::Create)) => Err(timed_out(ACQUIRE_TIMEOUT)),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Begins a transaction with this statement, in one round trip. The server limits how long the transaction may be idle and
    /// wait for locks.
    pub async fn begin(&self, statement: &'static str) -> sqlx::Result<Transaction> {
        let idle = self.timeout / IDLE_PART;
        let begin = format!(
            "begin; set local idle_in_transaction_session_timeout = {}; set local lock_timeout = {}; {statement}",
            idle.as_millis().max(1),
            (idle * LOCK_PARTS).as_millis().max(1),
        );
        let mut acquired = self.acquire().await?;
        let begun = within(self.timeout, sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *acquired)).await;
        match begun {
            Ok(_) => Ok(Transaction(acquired)),
            Err(error) => {
                // The statement may have failed after `begin`, inside the transaction.
                match error {
                    sqlx::Error::Database(_) => drop(acquired),
                    _ => acquired.discard(),
                }
                Err(error)
            }
        }
    }

    /// Closes all idle connections, because the server that they lead to does not answer.
    fn close_idle(&self) {
        self.pool.retain(|_, _| false);
    }
}

fn pool(connector: Connector, connections: u32) -> Pool<Connector> {
    let pool = Pool::builder(connector)
        .max_size(connections as usize)
        .queue_mode(QueueMode::Lifo)
        .wait_timeout(Some(ACQUIRE_TIMEOUT))
        .create_timeout(Some(ACQUIRE_TIMEOUT))
        .runtime(Runtime::Tokio1);
    pool.build().expect("a pool with a runtime can have time limits")
}

/// Waits for a response of PostgreSQL, no longer than `timeout`.
pub async fn within<T>(timeout: Duration, response: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(timeout, response).await.unwrap_or_else(|_| Err(timed_out(timeout)))
}

/// The error after a timeout; the outcome of the statement is unknown.
pub fn timed_out(timeout: Duration) -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("PostgreSQL did not answer within {timeout:?}")).into()
}

/// A connection of the pool. [`Acquired::end`] and [`Acquired::release`] return it to the pool; a drop closes it.
pub struct Acquired {
    connection: Option<Object<Connector>>,
    database: Database,
}

impl Acquired {
    /// Returns the connection to the pool, unless the result of its last statement shows that it is unusable.
    pub fn end<T>(self, result: sqlx::Result<T>) -> sqlx::Result<T> {
        match &result {
            Err(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => self.discard(),
            Ok(_) | Err(_) => self.release(),
        }
        result
    }

    /// Closes the connection and all idle connections, because there was no usable response.
    pub fn discard(self) {
        let database = self.database.clone();
        drop(self);
        database.close_idle();
    }

    /// Returns the connection to the pool.
    pub fn release(mut self) {
        drop(self.connection.take());
    }
}

const ACQUIRED: &str = "the connection is present until it is released";

impl Deref for Acquired {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(ACQUIRED)
    }
}

impl DerefMut for Acquired {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(ACQUIRED)
    }
}

impl fmt::Debug for Acquired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acquired(…)")
    }
}

impl Drop for Acquired {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // Closes the socket at once. `close` would wait until the server has read everything that was sent.
        drop(Object::take(connection));
    }
}

/// A transaction. A drop closes its connection, so that the server rolls the transaction back.
#[derive(Debug)]
pub struct Transaction(Acquired);

impl Transaction {
    /// Commits the transaction. Without a response it may be committed or not.
    pub async fn commit(self) -> sqlx::Result<()> {
        self.end("commit").await
    }

    /// Rolls the transaction back.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.end("rollback").await
    }

    /// See [`Acquired::discard`].
    pub fn discard(self) {
        self.0.discard();
    }

    /// Limit of every wait for a response.
    pub fn timeout(&self) -> Duration {
        self.0.database.timeout
    }

    async fn end(mut self, statement: &'static str) -> sqlx::Result<()> {
        let ended = within(self.timeout(), sqlx::raw_sql(statement).execute(&mut *self.0)).await;
        match ended {
            Ok(_) => self.0.end(Ok(())),
            Err(error) => {
                // The transaction may still be open.
                self.0.discard();
                Err(error)
            }
        }
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// One item of a response: a row, or the number of rows after the last row of a statement.
type ResponseItem = Either<PgQueryResult, PgRow>;

/// The limit applies to each row, so a long response is no error while rows keep arriving.
async fn fetch_response<'q>(
    database: &Database,
    query: impl Execute<'q, Postgres> + 'q,
) -> sqlx::Result<Vec<ResponseItem>> {
    let mut acquired = database.acquire().await?;
    let mut items = Vec::new();
    let ended = {
        let mut rows = acquired.fetch_many(query);
        loop {
            match within(database.timeout, rows.try_next()).await {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        }
    };
    acquired.end(ended).map(|()| items)
}

impl<'c> Executor<'c> for &'_ Database {
    type Database = Postgres;

    /// Collects the whole response first. To read more rows than fit into memory, acquire a connection.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<ResponseItem>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        let fetching = async move { fetch_response(&database, query).await };
        stream::once(fetching).map_ok(|items| stream::iter(items.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let result = within(database.timeout, acquired.fetch_optional(query)).await;
            acquired.end(result)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let result = within(database.timeout, acquired.prepare_with(sql, parameters)).await;
            acquired.end(result)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let result = within(database.timeout, acquired.describe(sql)).await;
            acquired.end(result)
        })
    }
}
