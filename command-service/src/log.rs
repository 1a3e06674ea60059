//! The log: one row of `log_head` is its lock, its position and its order.
//!
//! A batch is appended by one statement that does nothing if the log has moved since the state that the batch was decided
//! on, and no event is recorded earlier than the one before it ([`append`]); writers that know of each other take turns
//! ([`turn`]). Readers need only `position > $cursor order by position` ([`read`]), streams are loaded from their last
//! snapshot on ([`snapshot`]). What became of a command is in the events that it wrote ([`past`]). Who follows a few types of
//! events reads [`stretch`]es, who looks for what happened to a stream last reads it [`backwards`].
//!
//! There are two logs: PostgreSQL's, which the platform runs on, and one in [`memory`], for rules, tools and tests that need
//! no server. What both promise is in `tests/log_contract.rs`. Either is used without HTTP and without a writer:
//!
//! ```
//! use chrono::Utc;
//! use command_service::log::Log;
//! use command_service::log::append::{Appended, NewRow};
//! use events::stock::{StockEvent, StockReceived};
//! use events::{Position, Version};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let log = Log::in_memory();
//! let received = StockEvent::Received(StockReceived { quantity: 5, reference: None });
//! let row = NewRow::new("stock-MUG-1@main".parse()?, Version(1), &received.into());
//! let head = log.head().await?;
//! assert!(matches!(log.append(head, Utc::now(), &[row.clone()]).await, Appended::After(Position(0), _)));
//! // The log has moved, so the same head does not do any more.
//! assert!(matches!(log.append(head, Utc::now(), &[row]).await, Appended::Lost));
//! assert_eq!(log.read_after(Position::ZERO, 10).await?.len(), 1);
//! # Ok(())
//! # }
//! ```

pub mod append;
pub mod backwards;
pub mod memory;
pub mod past;
pub mod read;
pub mod snapshot;
pub mod stretch;
pub mod turn;

use std::sync::Arc;

use events::{Incarnation, LogId, LogPosition, Position, Recorded};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::database::{self, Database};
use memory::Memory;

/// The log; cheap to clone.
#[derive(Debug, Clone)]
pub struct Log(Store);

#[derive(Debug, Clone)]
enum Store {
    Postgres(Database),
    Memory(Memory),
}

/// Where the log ends, and the event that stands there. After a failover or a restore that lost the last events, others can
/// stand at their positions, even in the same streams with the same versions: only the event itself tells one history of
/// the log from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Where.
    pub head: LogPosition,
    /// The last event; `None` in an empty log.
    pub last: Option<Arc<Recorded>>,
}

impl End {
    /// The empty log of this incarnation.
    pub fn empty(incarnation: Incarnation) -> End {
        End { head: LogPosition { incarnation, position: Position::ZERO }, last: None }
    }

    /// The position after which the last event is the first one.
    pub fn before_last(&self) -> Position {
        Position((self.head.position.0 - 1).max(0))
    }
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
    /// More of the log has been seen than there is, and nobody has raised its incarnation.
    #[error(
        "the log ends at position {head}, but position {seen} has been seen: it has lost its tail (a restore or a failover). \
         Restore the missing events, or raise the log's incarnation to go on without them; appending now would give positions \
         out twice"
    )]
    LostTail {
        /// Where the log ends.
        head: Position,
        /// What has been seen of the log.
        seen: Position,
    },
}

impl Error {
    fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Database { doing, source }
    }

    /// Whether a lock was not to be had in time: somebody else has it, and the log answers.
    pub fn is_lock_timeout(&self) -> bool {
        const LOCK_NOT_AVAILABLE: &str = "55P03";
        let Error::Database { source, .. } = self else { return false };
        source.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
    }
}

/// The database of a log, for tools and tests that need no other limits than the usual ones.
pub fn connect(options: PgConnectOptions, connections: u32) -> Database {
    Database::new(options, connections, database::DEFAULT_TIMEOUT)
}

impl Log {
    /// The log in this database.
    pub fn new(database: Database) -> Log {
        Log(Store::Postgres(database))
    }

    /// An empty log that lives as long as this value and its clones. Nothing in it is durable.
    pub fn in_memory() -> Log {
        Log(Store::Memory(Memory::new()))
    }

    /// The same log over so many connections of their own, for work that the log's other users must not wait for.
    pub fn beside(&self, connections: u32) -> Log {
        match &self.0 {
            Store::Postgres(pool) => Log::new(pool.beside(connections)),
            Store::Memory(_) => self.clone(),
        }
    }

    /// Where the log ends now.
    pub async fn head(&self) -> Result<LogPosition, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.head()),
        };
        let (incarnation, position) = sqlx::query_as::<_, (i32, i64)>("select incarnation, position from log_head")
            .fetch_one(pool)
            .await
            .map_err(Error::database("reading the head of the log"))?;
        Ok(LogPosition { incarnation: Incarnation(incarnation), position: Position(position) })
    }

    /// Where the log ends now, and its last event.
    pub async fn end(&self) -> Result<End, Error> {
        let head = self.head().await?;
        if head.position == Position::ZERO {
            return Ok(End::empty(head.incarnation));
        }
        // The log may have grown meanwhile: the event is that of the head that was read, or there is none.
        let last = self.read_after(Position(head.position.0 - 1), 1).await?.pop();
        match last.filter(|last| last.position == head.position) {
            Some(last) => Ok(End { head, last: Some(Arc::new(last)) }),
            None => Err(Error::Row(format!("nothing stands at position {}, its end", head.position))),
        }
    }

    /// Whether the log ends there, with that event.
    pub async fn ends_at(&self, end: &End) -> Result<bool, Error> {
        let since = self.read_since(end.before_last(), 1).await?;
        Ok(since.head == end.head && end.last.as_deref().is_none_or(|last| since.events.first() == Some(last)))
    }

    /// Which log this is; the same for good.
    pub async fn id(&self) -> Result<LogId, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.id()),
        };
        let id = sqlx::query_scalar::<_, Uuid>("select id from log_identity")
            .fetch_one(pool)
            .await
            .map_err(Error::database("reading the identity of the log"))?;
        Ok(LogId(id))
    }

    /// The furthest position that the relay or a projection has seen in this life of the log. Beyond the head it means
    /// that the log has lost its tail (a restore, a failover).
    pub async fn seen(&self) -> Result<Position, Error> {
        const SEEN: &str = "
            select greatest(
                (select position from relay_checkpoint where incarnation = (select incarnation from log_head)),
                (select max(position) from projection_checkpoints where incarnation = (select incarnation from log_head)),
                0)";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            // Nobody follows it but through this value.
            Store::Memory(_) => return Ok(Position::ZERO),
        };
        let position = sqlx::query_scalar::<_, i64>(SEEN)
            .fetch_one(pool)
            .await
            .map_err(Error::database("reading what relay and projections have seen"))?;
        Ok(Position(position))
    }
}
