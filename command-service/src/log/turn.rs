//! Turns: writers that know of each other append one after the other, each for a while, instead of racing.
//!
//! It is a courtesy and no lock of the log: who holds a turn appends as always, with one statement that does nothing if the
//! log has moved. So nothing depends on turns but speed.

use tokio::sync::OwnedMutexGuard;

use super::{Error, Log, Store};
use crate::database::Transaction;

/// The right of way, until ended or dropped.
#[derive(Debug)]
pub struct Turn(Held);

#[derive(Debug)]
enum Held {
    Postgres(Transaction),
    Memory(OwnedMutexGuard<()>),
}

impl Log {
    /// Waits for the turn; those who wait get it in the order in which they came. One who has it and is paused loses it, and it
    /// is not waited for longer than for any other lock.
    pub async fn take_turn(&self) -> Result<Turn, Error> {
        // The number is one that nobody else takes a lock of in this database. The end of the transaction, or of the
        // connection, ends the turn.
        const TAKE_TURN: &str = "select pg_advisory_xact_lock(7305809172403)";
        match &self.0 {
            Store::Postgres(pool) => {
                let transaction = pool.begin(TAKE_TURN).await.map_err(Error::database("waiting for the turn"))?;
                Ok(Turn(Held::Postgres(transaction)))
            }
            Store::Memory(memory) => Ok(Turn(Held::Memory(memory.take_turn().await))),
        }
    }
}

impl Turn {
    /// Lets the next one have it.
    pub async fn end(self) {
        match self.0 {
            // Where that fails the connection is gone, and the turn with it.
            Held::Postgres(transaction) => drop(transaction.rollback().await),
            Held::Memory(turn) => drop(turn),
        }
    }
}
