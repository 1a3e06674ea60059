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

use events::{Incarnation, LogId, Position};
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

    /// Where the log ends now.
    pub async fn head(&self) -> Result<Head, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.head()),
        };
        let (incarnation, position) = sqlx::query_as::<_, (i32, i64)>("select incarnation, position from log_head")
            .fetch_one(pool)
            .await
            .map_err(Error::database("reading the head of the log"))?;
        Ok(Head { incarnation: Incarnation(incarnation), position: Position(position) })
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
