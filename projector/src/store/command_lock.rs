//! Locks that allow one command of operators at a time. A lock ends with its connection.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

/// The server notices the end of a connection, and releases its locks, a moment after the command has ended.
const RELEASE_DELAY_MAX: Duration = Duration::from_secs(1);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes the lock of a command on `of`; `false` if another session has it, and does not release it within a second.
pub async fn try_lock(connection: &mut PgConnection, command: &str, of: &str) -> sqlx::Result<bool> {
    let deadline = Instant::now() + RELEASE_DELAY_MAX;
    loop {
        let attempt = sqlx::query_scalar("select pg_try_advisory_lock(hashtext($1), hashtext($2))");
        let is_locked: bool = attempt.bind(command).bind(of).fetch_one(&mut *connection).await?;
        if is_locked || Instant::now() >= deadline {
            return Ok(is_locked);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
