//! A connection pool to PostgreSQL with a time limit on every wait for the server.
//!
//! A frozen server, or a half-open TCP connection, neither answers nor refuses, and TCP keeps such a connection for many
//! minutes. So every wait for an answer has a limit here. When the limit is reached, the connection is closed at once, without
//! another message to the server, together with all idle connections, which lead to the same server; the outcome of the
//! statement is unknown. When the future that waits for an answer is dropped, its connection alone is closed: a connection in
//! the middle of a statement or of a transaction never goes back into the pool.
//!
//! sqlx gives no access to its sockets, so TCP keepalives and `TCP_USER_TIMEOUT` cannot be set on this side. They are set on
//! the server's side, so that the locks of a process that vanished are free after [`VANISHED_AFTER`].
//!
//! A process that is paused in the middle of a transaction would hold its locks for as long as it is paused. So a transaction
//! that is idle for [a part of the limit](IDLE_PART) is ended by the server, and who waits for a lock is told in time that it is
//! not to be had ([`LOCK_PARTS`]).
//!
//! `&Database` is an [`Executor`] like `&PgPool`, so statements are written as for a pool.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, Connection, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, Row, SqlStr,
};

/// How long PostgreSQL may be silent: far longer than any statement of a writer takes on a busy machine, and shorter than
/// callers wait.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest wait for a free connection; the caller is told to come again after that.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// The server breaks a statement off after this many times the limit: nobody waits for its answer any more, and it may hold
/// locks. Not earlier, because one that is merely slow still settles what became of it.
const STATEMENT_TIMEOUT: u32 = 20;

/// A transaction may be idle for the limit divided by this: many times what a process does between two statements.
const IDLE_PART: u32 = 3;

/// A statement of a transaction waits for a lock for so many of these parts: longer than whoever has the lock may be idle, and
/// shorter than the answer is waited for, so that the outcome is known.
const LOCK_PARTS: u32 = 2;

/// When the server notices that the host of a process vanished: 5 s of silence, then three probes at intervals of 5 s.
const VANISHED_AFTER: Duration = Duration::from_secs(20);

/// PostgreSQL's words for that; it ignores them on Unix sockets, where a process that ends closes its connections.
const KEEPALIVES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// A pool of connections, none of which is waited for longer than the limit. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    timeout: Duration,
}

impl Database {
    /// Connects when connections are needed; `timeout` is how long the server may be silent.
    pub fn new(options: PgConnectOptions, connections: u32, timeout: Duration) -> Database {
        let options = options.options(KEEPALIVES).options([
            ("tcp_user_timeout", VANISHED_AFTER.as_millis().to_string()),
            ("statement_timeout", (timeout * STATEMENT_TIMEOUT).as_millis().to_string()),
        ]);
        Database { pool: pool_options(connections).connect_lazy_with(options), timeout }
    }

    /// So many connections of their own to the same server, with the same limit.
    pub fn beside(&self, connections: u32) -> Database {
        let options = self.pool.connect_options().as_ref().clone();
        Database { pool: pool_options(connections).connect_lazy_with(options), timeout: self.timeout }
    }

    /// Another pool to the same server, for a library that takes nothing else. It waits for answers without a limit.
    ///
    /// Such a library drops futures wherever they stand, and `PgPool::begin` that is dropped before its answer is there leaves a
    /// transaction open that sqlx knows nothing of: the statements of the next borrower would succeed and never be committed.
    /// So the server is asked each time a connection comes back, a round trip that a queue of jobs can afford.
    pub fn separate_pool(&self, connections: u32) -> PgPool {
        pool_options(connections)
            .after_release(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        return Ok(false);
                    }
                    // As a simple query (raw), this alone begins at one instant; inside a transaction, that began earlier.
                    let outside = sqlx::raw_sql("select now() = statement_timestamp()").fetch_one(connection).await?;
                    outside.try_get(0)
                })
            })
            .connect_lazy_with(self.pool.connect_options().as_ref().clone())
    }

    /// How long the server may be silent.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection, for who knows better than `&Database` how long to wait; see [`Acquired::end`].
    pub async fn acquire(&self) -> sqlx::Result<Acquired> {
        match self.pool.acquire().await {
            Ok(connection) => Ok(Acquired { connection: Some(connection), database: self.clone() }),
            // There was room for another connection, and none came to be.
            Err(sqlx::Error::PoolTimedOut) if self.pool.size() < self.pool.options().get_max_connections() => {
                Err(timed_out(ACQUIRE_TIMEOUT))
            }
            Err(error) => Err(error),
        }
    }

    /// A transaction that begins with this statement, in one round trip; it may be idle and wait for locks for so long only.
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
                // It failed after its `begin`.
                match error {
                    sqlx::Error::Database(_) => drop(acquired),
                    _ => acquired.discard(),
                }
                Err(error)
            }
        }
    }

    /// Closes what is idle: it leads to a server that does not answer.
    fn close_idle(&self) {
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }
}

fn pool_options(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// Waits for an answer of PostgreSQL, no longer than `timeout`.
pub async fn within<T>(timeout: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| Err(timed_out(timeout)))
}

/// What became of the statement is unknown.
pub fn timed_out(timeout: Duration) -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("PostgreSQL did not answer within {timeout:?}")).into()
}

/// A connection of the pool's, which goes back there by [`Acquired::end`] or [`Acquired::release`] and is closed otherwise.
pub struct Acquired {
    connection: Option<PoolConnection<Postgres>>,
    database: Database,
}

impl Acquired {
    /// Gives the connection back, unless what it answered last says that it cannot be used any more.
    pub fn end<T>(self, answered: sqlx::Result<T>) -> sqlx::Result<T> {
        match &answered {
            Err(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => self.discard(),
            Ok(_) | Err(_) => self.release(),
        }
        answered
    }

    /// There was no answer, or none of any use: closes the connection, and the idle ones beside it.
    pub fn discard(self) {
        let database = self.database.clone();
        drop(self);
        database.close_idle();
    }

    /// Returns the connection to the pool, which pings the server first and would wait for the answer without a limit.
    pub fn release(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (returning, timeout) = (connection.return_to_pool(), self.database.timeout);
        // Where the limit is reached this drops the connection, which closes it and makes room for another one.
        tokio::spawn(async move { tokio::time::timeout(timeout, returning).await });
    }
}

const ACQUIRED: &str = "a connection is there until it is released";

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
        // Closes the socket. `close` would wait until the server has read what was sent.
        drop(connection.detach());
    }
}

/// A transaction. Dropped without an end it is rolled back by the server, because its connection is closed.
#[derive(Debug)]
pub struct Transaction(Acquired);

impl Transaction {
    /// Makes it durable. Without an answer it may be durable or not.
    pub async fn commit(self) -> sqlx::Result<()> {
        self.end("commit").await
    }

    /// Takes it back.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.end("rollback").await
    }

    /// See [`Acquired::discard`].
    pub fn discard(self) {
        self.0.discard();
    }

    /// How long the server may be silent.
    pub fn timeout(&self) -> Duration {
        self.0.database.timeout
    }

    async fn end(mut self, word: &'static str) -> sqlx::Result<()> {
        let ended = within(self.timeout(), sqlx::raw_sql(word).execute(&mut *self.0)).await;
        match ended {
            Ok(_) => self.0.end(Ok(())),
            Err(error) => {
                // It may still be open.
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

/// What a statement brings: rows, and after those of each statement how many there were.
type Answer = Either<PgQueryResult, PgRow>;

/// The limit counts from row to row, so an answer may take as long as it likes while it keeps coming.
async fn fetch_answers<'q>(database: &Database, query: impl Execute<'q, Postgres> + 'q) -> sqlx::Result<Vec<Answer>> {
    let mut acquired = database.acquire().await?;
    let mut answers = Vec::new();
    let ended = {
        let mut coming = acquired.fetch_many(query);
        loop {
            match within(database.timeout, coming.try_next()).await {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        }
    };
    acquired.end(ended).map(|()| answers)
}

impl<'c> Executor<'c> for &'_ Database {
    type Database = Postgres;

    /// Kept until all of it is there: who reads more than memory holds acquires a connection.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Answer>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        let fetching = async move { fetch_answers(&database, query).await };
        stream::once(fetching).map_ok(|answers| stream::iter(answers.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let answered = within(database.timeout, acquired.fetch_optional(query)).await;
            acquired.end(answered)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let answered = within(database.timeout, acquired.prepare_with(sql, parameters)).await;
            acquired.end(answered)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        let database = self.clone();
        Box::pin(async move {
            let mut acquired = database.acquire().await?;
            let answered = within(database.timeout, acquired.describe(sql)).await;
            acquired.end(answered)
        })
    }
}
