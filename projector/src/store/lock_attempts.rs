//! Attempts to lock tables that are read: each attempt waits only briefly, because readers that arrive meanwhile wait
//! behind it. After that the readers go on, and the next attempt follows.

use std::time::Duration;

use sqlx::PgConnection;

/// Longest time that an attempt waits for its locks: readers that arrive meanwhile wait as well.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '50ms'";

/// Pause before the next attempt.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Maximum number of attempts: a query that takes longer than ten seconds holds a table.
const ATTEMPTS_MAX: usize = 50;

/// SQLSTATE of a lock that was not available in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The attempts of one operation.
#[derive(Debug, Default)]
pub struct LockAttempts {
    failed: usize,
}

impl LockAttempts {
    /// Limits the waits for locks in the transaction of an attempt.
    pub async fn limit(transaction: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::raw_sql(LOCK_TIMEOUT).execute(transaction).await.map(|_| ())
    }

    /// Waits until the next attempt, if the attempt failed because a lock was not available; returns any other error, and
    /// that of the last attempt.
    pub async fn wait_after(&mut self, error: sqlx::Error) -> sqlx::Result<()> {
        self.failed += 1;
        if !is_lock_timeout(&error) || self.failed >= ATTEMPTS_MAX {
            return Err(error);
        }
        tokio::time::sleep(RETRY_AFTER).await;
        Ok(())
    }
}

/// Whether an attempt failed because a lock was not available in time.
pub fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(LOCK_NOT_AVAILABLE))
}
