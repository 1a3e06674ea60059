//! The write lock: instances that write to the same log take turns with it instead of racing.
//!
//! The write lock is advisory. Its holder appends like every other writer, with one statement that does nothing if the log has
//! grown, so correctness does not depend on the lock; only speed does.

use tokio::sync::OwnedMutexGuard;

use super::error::Error;
use super::{Log, Store};
use crate::database::{Transaction, during};

/// The write lock, until it is released or dropped.
#[derive(Debug)]
pub struct WriteLock(Held);

#[derive(Debug)]
enum Held {
    Postgres(Transaction),
    Memory(OwnedMutexGuard<()>),
}

impl Log {
    /// Waits for the write lock, which is granted in the order of the requests. A holder that is paused loses the lock, and the
    /// wait is limited like that for any other lock.
    pub async fn acquire_write_lock(&self) -> Result<WriteLock, Error> {
        // No other lock in this database uses this number. The lock is released when the transaction or the connection ends.
        const ACQUIRE: &str = "select pg_advisory_xact_lock(7305809172403)";
        match &self.0 {
            Store::Postgres(pool) => {
                let transaction = pool.begin(ACQUIRE).await.map_err(during("acquiring the write lock"))?;
                Ok(WriteLock(Held::Postgres(transaction)))
            }
            Store::Memory(memory) => Ok(WriteLock(Held::Memory(memory.acquire_write_lock().await))),
        }
    }
}

impl WriteLock {
    /// Releases the lock; the next writer that waits for it gets it.
    pub async fn release(self) {
        match self.0 {
            // If the rollback fails, the connection is closed, which releases the lock.
            Held::Postgres(transaction) => drop(transaction.rollback().await),
            Held::Memory(lock) => drop(lock),
        }
    }
}
