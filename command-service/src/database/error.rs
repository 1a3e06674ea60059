//! The error of a statement or a transaction in PostgreSQL, shared by everything in this crate that uses PostgreSQL.

/// PostgreSQL did not answer in time, could not be reached, or returned an error.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL: {operation}")]
pub struct Error {
    /// The operation that failed, for example "reading the head of the log".
    pub operation: &'static str,
    /// The error of the driver.
    #[source]
    pub source: sqlx::Error,
}

/// Turns an error of the driver into an error during this operation: `.map_err(during("loading streams"))?`.
pub fn during(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error + Copy {
    move |source| Error { operation, source }
}

impl Error {
    /// Whether a lock was not granted in time: another transaction holds the lock, and PostgreSQL answers.
    pub fn is_lock_timeout(&self) -> bool {
        const LOCK_NOT_AVAILABLE: &str = "55P03";
        self.source.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
    }
}
