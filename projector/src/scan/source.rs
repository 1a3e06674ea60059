//! The database that the log is read from, which may be a standby: it may be behind the primary, and it may cancel queries.

use std::time::Duration;

use anyhow::bail;
use events::Position;
use sqlx::PgConnection;

use crate::store::{log, run};

/// Interval at which the end of the log is read.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Number of times that the end of the log is read: for 30 s.
const CHECKS_MAX: usize = 300;

/// Maximum number of attempts to read what a standby cancels.
pub const ATTEMPTS_MAX: u32 = 5;

/// Pause before the second attempt, which doubles with each further one.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// SQLSTATE with which a standby cancels a query whose rows the primary has removed ("conflict with recovery", PostgreSQL
/// manual, section "Hot Standby").
const CONFLICT: &str = "40001";

/// Whether a standby has cancelled a query. A repetition may succeed.
pub fn is_conflict(error: &anyhow::Error) -> bool {
    let database_error = error.chain().find_map(|cause| cause.downcast_ref::<sqlx::Error>()?.as_database_error());
    database_error.is_some_and(|error| error.code().as_deref() == Some(CONFLICT))
}

/// Waits before the attempt after the one with this number, from 1.
pub async fn wait_to_retry(attempt: u32, error: &anyhow::Error) {
    tracing::warn!(attempt, error = format!("{error:#}"), "the standby has cancelled a query; retrying");
    tokio::time::sleep(RETRY_AFTER * 2u32.saturating_pow(attempt - 1)).await;
}

/// Waits until a database contains the log up to a position. Otherwise the events that are missing in a standby would be
/// missing in the result.
pub async fn wait_until_contained(connection: &mut PgConnection, upto: Position) -> anyhow::Result<()> {
    let mut head = Position::ZERO;
    for _ in 0..CHECKS_MAX {
        head = run("reading the end of the log", log::find_head(connection)).await?;
        if head >= upto {
            return Ok(());
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
    bail!(
        "the log is needed up to position {upto}, and the database of REBUILD_SOURCE_URL contains it up to position {head}: \
         wait until the standby has caught up, or unset REBUILD_SOURCE_URL"
    )
}
