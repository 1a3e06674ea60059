//! The log (the event store). Its head, the one row of the table `log_head`, is its lock, its position and its order.
//!
//! One statement appends a [`batch`] and does nothing if the log has grown since the state that the batch was decided on; no event
//! is recorded earlier than the event before it ([`append`]). Writers that know of each other take turns with the [`write_lock`],
//! or lock the head ([`head_lock`]). A reader needs only `position > $cursor order by position` ([`read`]). Streams are loaded from
//! their last [`snapshot`] on ([`load`]), and the [`order_numbers`] likewise. The events that a command wrote contain its id
//! ([`find_commands`]). A reader of a few event types scans ranges of the log ([`scan`]); a reader of the latest events of one
//! stream reads it [`backwards`]. The streams of the events before a
//! position are listed without the events ([`streams_before`]).
//!
//! There are two stores: PostgreSQL, which the platform runs on, and [`memory`], for rules, tools and tests that need no server.
//! `tests/log_contract` specifies both. A log can be used without HTTP and without a writer:
//!
//! ```
//! use chrono::Utc;
//! use command_service::log::Log;
//! use command_service::log::batch::{Appended, NewRow};
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
//! // The log has grown, so an append that expects the same head is refused.
//! assert!(matches!(log.append(head, Utc::now(), &[row]).await, Appended::Lost));
//! assert_eq!(log.read_after(Position::ZERO, 10).await?.len(), 1);
//! # Ok(())
//! # }
//! ```

pub mod append;
pub mod backwards;
pub mod batch;
pub mod command;
pub mod end;
mod error;
pub mod find_commands;
pub mod head_lock;
pub mod load;
pub mod memory;
pub mod order_numbers;
pub mod page;
pub mod read;
mod row;
pub mod scan;
pub mod snapshot;
pub mod streams_before;
pub mod write_lock;

use events::{LogId, Position};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::database::{self, Database, during};
use memory::Memory;

pub use end::End;
pub use error::Error;

/// The log; cheap to clone.
#[derive(Debug, Clone)]
pub struct Log(Store);

#[derive(Debug, Clone)]
enum Store {
    Postgres(Database),
    Memory(Memory),
}

/// A connection pool to the log's database with the default time limit, for tools and tests.
pub fn connect(options: PgConnectOptions, connections: u32) -> Database {
    Database::new(options, connections, database::DEFAULT_TIMEOUT)
}

impl Log {
    /// The log in this database.
    pub fn new(database: Database) -> Log {
        Log(Store::Postgres(database))
    }

    /// An empty log in memory, which exists as long as this value or a clone of it. Its events are not durable.
    pub fn in_memory() -> Log {
        Log(Store::Memory(Memory::new()))
    }

    /// The same log over a separate pool of this many connections, for work that must not wait for the log's other users.
    pub fn beside(&self, connections: u32) -> Log {
        match &self.0 {
            Store::Postgres(pool) => Log::new(pool.beside(connections)),
            Store::Memory(_) => self.clone(),
        }
    }

    /// The identity of the log, which never changes.
    pub async fn id(&self) -> Result<LogId, Error> {
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return Ok(memory.id()),
        };
        let id = sqlx::query_scalar::<_, Uuid>("select id from log_identity")
            .fetch_one(pool)
            .await
            .map_err(during("reading the identity of the log"))?;
        Ok(LogId(id))
    }

    /// The furthest position that the relay or a projection has seen in this incarnation of the log. If it is beyond the head,
    /// the log has lost its tail (a restore, a failover).
    pub async fn seen(&self) -> Result<Position, Error> {
        const SEEN: &str = "
            select greatest(
                (select position from relay_checkpoint where incarnation = (select incarnation from log_head)),
                (select max(position) from projection_checkpoints where incarnation = (select incarnation from log_head)),
                0)";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            // There is no relay and no projection that stores a checkpoint.
            Store::Memory(_) => return Ok(Position::ZERO),
        };
        let position = sqlx::query_scalar::<_, i64>(SEEN)
            .fetch_one(pool)
            .await
            .map_err(during("reading the checkpoints of the relay and the projections"))?;
        Ok(Position(position))
    }
}
