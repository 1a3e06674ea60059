//! Why a statement brought no rows, and whether the other database might bring them.

/// Why a statement brought no rows.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No database answered the last time that somebody tried.
    #[error("no database answers")]
    Down,
    /// The database cannot be reached, is starting or stopping, or does not have our tables yet.
    #[error("the database cannot be used")]
    Unusable(#[source] sqlx::Error),
    /// A replica broke the statement off, because replay needed what it was reading.
    #[error("replay on the replica broke the statement off")]
    BrokenOff(#[source] sqlx::Error),
    /// The connection was silent for longer than the server lets any statement run.
    #[error("the database fell silent")]
    Silent,
    /// No connection came to be in time.
    #[error("the database took too long to take a connection")]
    Unreached,
    /// Every connection is in use.
    #[error("every connection to the database is in use")]
    Busy,
    /// The statement took too long.
    #[error("the statement took too long")]
    Slow,
    /// The task of the statement ended without an answer.
    #[error("the task of a statement died")]
    Died(#[source] tokio::task::JoinError),
    /// Neither database nor network are to blame.
    #[error("a statement failed")]
    Fault(#[source] sqlx::Error),
}

/// SQLSTATEs (PostgreSQL manual, appendix A) of a database that cannot be used now: whole classes by their first two
/// characters. 42P01 and 3D000 are a database that is not migrated yet, 28 a password that is about to change.
const UNUSABLE: [&str; 7] = ["08", "28", "3D000", "42P01", "53", "57P", "58"];
/// A statement on a replica that was broken off for the sake of replay.
const BROKEN_OFF: [&str; 2] = ["40001", "40P01"];
/// A statement that reached `statement_timeout`.
const TIMED_OUT: &str = "57014";

impl Failure {
    /// Sorts what sqlx says about a statement or a connection.
    pub fn of(error: sqlx::Error) -> Failure {
        let state = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        match error {
            sqlx::Error::PoolTimedOut => Failure::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Failure::Unusable(error)
            }
            sqlx::Error::Database(_) if state == TIMED_OUT => Failure::Slow,
            sqlx::Error::Database(_) if BROKEN_OFF.contains(&state.as_str()) => Failure::BrokenOff(error),
            sqlx::Error::Database(_) if UNUSABLE.iter().any(|it| state.starts_with(it)) => Failure::Unusable(error),
            _ => Failure::Fault(error),
        }
    }

    /// Whether the same statement may succeed on another database.
    pub fn is_of_the_source(&self) -> bool {
        match self {
            Failure::Down | Failure::Unusable(_) | Failure::BrokenOff(_) | Failure::Silent | Failure::Unreached => true,
            Failure::Busy | Failure::Slow | Failure::Died(_) | Failure::Fault(_) => false,
        }
    }

    /// Whether the database should not be asked again before it was seen to answer.
    pub fn is_down(&self) -> bool {
        matches!(self, Failure::Unusable(_) | Failure::Silent)
    }

    /// The whole story, on one line.
    pub fn story(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}"));
        format!("{self}{}", cause.unwrap_or_default())
    }
}
