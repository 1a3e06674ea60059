//! Locking the head of the log, so that no other writer can append before this one.

use chrono::{DateTime, Utc};
use events::Position;

use super::append::append_within;
use super::batch::{Appended, NewRow};
use super::end::Expected;
use super::error::Error;
use super::memory::{HeadGuard, Memory};
use super::page::Page;
use super::read::read_page;
use super::{Log, Store};
use crate::database::{Transaction, during, timed_out};

/// The locked head of the log, until it is released, dropped or appended to.
#[derive(Debug)]
pub struct LockedHead {
    held: Held,
    /// The head of the log, which cannot change while it is locked, and the events up to it.
    pub page: Page,
}

#[derive(Debug)]
enum Held {
    Postgres(Transaction),
    Memory(Memory, HeadGuard),
}

impl Log {
    /// Locks the head of the log and reads at most `limit` events after a position. Writers that wait for the head get it one
    /// after the other; a holder that is paused loses it.
    pub async fn lock_head(&self, after: Position, limit: i64) -> Result<LockedHead, Error> {
        // A second statement reads the events, because it sees what was committed during the wait for the lock. The statement
        // that waits does not.
        const LOCK: &str = "select position from log_head for update";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let guard = memory.lock_head().await;
                let page = memory.read_page(after, limit);
                return Ok(LockedHead { held: Held::Memory(memory.clone(), guard), page });
            }
        };
        let mut transaction = pool.begin(LOCK).await.map_err(during("locking the head of the log"))?;
        let reading = tokio::time::timeout(pool.timeout(), read_page(&mut *transaction, after, limit));
        let page = match reading.await {
            Ok(page) => page?,
            Err(_) => {
                transaction.discard();
                return Err(during("reading the locked log")(timed_out(pool.timeout())).into());
            }
        };
        Ok(LockedHead { held: Held::Postgres(transaction), page })
    }
}

impl LockedHead {
    /// Appends `rows` and commits. If the response to the commit is lost, the outcome is [`Appended::Unknown`].
    pub async fn append(self, expected: impl Into<Expected<'_>>, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let expected = expected.into();
        let mut transaction = match self.held {
            Held::Postgres(transaction) => transaction,
            Held::Memory(memory, _guard) => return memory.append_at_head(expected, clock, rows),
        };
        match append_within(transaction.timeout(), &mut transaction, expected, clock, rows).await {
            Appended::After(position, recorded_at) => match transaction.commit().await {
                Ok(()) => Appended::After(position, recorded_at),
                Err(error) => Appended::Unknown(error),
            },
            unknown @ Appended::Unknown(_) => {
                transaction.discard();
                unknown
            }
            nothing_appended => {
                // If the rollback fails, the connection is closed, which releases the lock.
                let _ = transaction.rollback().await;
                nothing_appended
            }
        }
    }

    /// Releases the head; the next writer that waits for it gets it.
    pub async fn release(self) {
        if let Held::Postgres(transaction) = self.held {
            // If the rollback fails, the connection is closed, which releases the lock.
            let _ = transaction.rollback().await;
        }
    }
}
