//! The log in PostgreSQL: one row of `log_head` is its lock, its position and its order.
//!
//! A batch is appended by one statement that does nothing if the log has moved since the state that the batch was decided
//! on ([`append`]). Readers need only `position > $cursor order by position` ([`read`]). What became of a command is in
//! the events that it wrote ([`past`]). Who follows a few types of events reads [`stretch`]es.

pub mod append;
pub mod past;
pub mod read;
pub mod snapshot;
pub mod stretch;

use std::time::Duration;

use events::{Incarnation, Position};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Longest wait for a free connection; the caller is told to come again after that.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// The log; cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    pool: PgPool,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its life.
    pub incarnation: Incarnation,
    /// Position of its last event.
    pub position: Position,
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or refused.
    #[error("{doing}")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// What came back.
        #[source]
        source: sqlx::Error,
    },
    /// A row that no version of ours wrote.
    #[error("the log holds a row that is not an event: {0}")]
    Row(String),
}

impl Error {
    fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Database { doing, source }
    }
}

/// A pool for the log and the relay. Connections that are inside a transaction never go back into it: a dropped future
/// can leave one open, and the next borrower would work inside it.
pub fn connect(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_lazy_with(options)
}

impl Log {
    /// The log in the database behind `pool`.
    pub fn new(pool: PgPool) -> Log {
        Log { pool }
    }

    /// Where the log ends now.
    pub async fn head(&self) -> Result<Head, Error> {
        let (incarnation, position) = sqlx::query_as::<_, (i32, i64)>("select incarnation, position from log_head")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::database("reading the head of the log"))?;
        Ok(Head { incarnation: Incarnation(incarnation), position: Position(position) })
    }

    /// The furthest position that the relay or a projection has seen in this life of the log. Beyond the head it means
    /// that the log has lost its tail (a restore, a failover).
    pub async fn seen(&self) -> Result<Position, Error> {
        const SEEN: &str = "
            select greatest(
                (select position from relay_checkpoint where incarnation = (select incarnation from log_head)),
                (select max(position) from projection_checkpoints where incarnation = (select incarnation from log_head)),
                0)";
        let position = sqlx::query_scalar::<_, i64>(SEEN)
            .fetch_one(&self.pool)
            .await
            .map_err(Error::database("reading what relay and projections have seen"))?;
        Ok(Position(position))
    }
}
