//! Failures of statements, and whether the other database may succeed.

/// The reason why a statement returned no rows.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Neither database answered its last probe or statement.
    #[error("no database answers")]
    Down,
    /// Every replica that answers is too far behind, and the primary must not serve reads instead.
    #[error("no replica is close enough to the primary")]
    ReplicasBehind,
    /// The database cannot be reached, is starting or stopping, or is not migrated yet.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A table or a view is missing: the database is not migrated yet, or the live generation of a projection is older than this
    /// release.
    #[error("a table is missing")]
    TableMissing(#[source] sqlx::Error),
    /// The replica cancelled the statement because replay of the write-ahead log conflicted with it.
    #[error("the replica cancelled the statement in favour of replay")]
    CancelledByReplay(#[source] sqlx::Error),
    /// The server sent nothing for longer than a statement may run.
    #[error("the database does not respond")]
    Unresponsive,
    /// No new connection was established in time.
    #[error("connecting to the database took too long")]
    ConnectTimeout,
    /// Every connection is in use.
    #[error("every connection to the database is in use")]
    Busy,
    /// The statement exceeded its time limit.
    #[error("the statement took too long")]
    StatementTimeout,
    /// The task that ran the statement panicked.
    #[error("the task of the statement panicked")]
    Panicked(#[source] tokio::task::JoinError),
    /// A defect of this program: neither the database nor the network is the cause.
    #[error("the statement failed")]
    Defect(#[source] sqlx::Error),
}

/// SQLSTATEs (PostgreSQL manual, appendix A) of a database that is unavailable: whole classes by their first two
/// characters. 3D000 means that the database is not created yet, 28 that a password is being rotated.
const UNAVAILABLE: [&str; 6] = ["08", "28", "3D000", "53", "57P", "58"];
/// SQLSTATE of a statement that names a table that does not exist.
const TABLE_MISSING: &str = "42P01";
/// SQLSTATEs of a statement that was cancelled by replay.
const CANCELLED_BY_REPLAY: [&str; 2] = ["40001", "40P01"];
/// SQLSTATE of a statement that reached `statement_timeout`.
const TIMED_OUT: &str = "57014";

impl Failure {
    /// Classifies an error of sqlx about a statement or a connection.
    pub fn of(error: sqlx::Error) -> Failure {
        let state = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        match error {
            sqlx::Error::PoolTimedOut => Failure::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Failure::Unavailable(error)
            }
            sqlx::Error::Database(_) if state == TABLE_MISSING => Failure::TableMissing(error),
            sqlx::Error::Database(_) if state == TIMED_OUT => Failure::StatementTimeout,
            sqlx::Error::Database(_) if CANCELLED_BY_REPLAY.contains(&state.as_str()) => {
                Failure::CancelledByReplay(error)
            }
            sqlx::Error::Database(_) if UNAVAILABLE.iter().any(|it| state.starts_with(it)) => {
                Failure::Unavailable(error)
            }
            _ => Failure::Defect(error),
        }
    }

    /// Whether the same statement may succeed on the other database.
    pub fn may_succeed_elsewhere(&self) -> bool {
        match self {
            Failure::Down
            | Failure::ReplicasBehind
            | Failure::Unavailable(_)
            | Failure::TableMissing(_)
            | Failure::CancelledByReplay(_)
            | Failure::Unresponsive
            | Failure::ConnectTimeout => true,
            Failure::Busy | Failure::StatementTimeout | Failure::Panicked(_) | Failure::Defect(_) => false,
        }
    }

    /// Whether the database must pass a probe before it serves reads again. A missing table concerns only the statements that
    /// read it, and a database without any tables fails its probes.
    pub fn is_down(&self) -> bool {
        matches!(self, Failure::Unavailable(_) | Failure::Unresponsive)
    }

    /// The failure and its cause, on one line.
    pub fn with_cause(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}"));
        format!("{self}{}", cause.unwrap_or_default())
    }
}
