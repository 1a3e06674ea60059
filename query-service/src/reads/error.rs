//! Errors of the read layer. `http::problems` maps each of them to a problem response.

use std::sync::Arc;
use std::time::Duration;

use events::{Incarnation, LogPosition, Position};

use crate::reads::database::failure::Failure;

/// The reason why a read returned no data. Cheap to clone, because concurrent readers share the result of one load.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database returned no rows, or rows that cannot be decoded.
    #[error("reading the database: {0}")]
    Database(#[source] Arc<Failure>),
    /// The projection does not contain the required position, and the reader's wait is over.
    #[error("the projection does not contain position {}", .0.required)]
    ProjectionLag(Box<ProjectionLag>),
    /// The required position is so far beyond the end of the log that waiting would be useless.
    #[error("position {token} is beyond the end of the log at {end}")]
    TokenBeyondLog {
        /// The required position.
        token: Position,
        /// The position of the last event in the log.
        end: Position,
    },
    /// The log does not contain the requested position.
    #[error("position {} is beyond the end of the log at {}", .0.position, .0.end)]
    BeyondLog(BeyondLog),
    /// Too many events were recorded after the requested position.
    #[error("position {} is too far before the end of the projection at {}", .0.position, .0.end)]
    TooFarBack(TooFarBack),
    /// Events that the reader has were lost in a failover.
    #[error("the events after position {} were lost in a failover", .0.last_kept)]
    EventsLost(EventsLost),
    /// An event in the history of a document cannot be applied by this release.
    #[error("applying the event at {}: {}", .0.at, .0.reason)]
    History(Arc<History>),
    /// A stored document cannot be decoded by this release.
    #[error("decoding a stored document: {0}")]
    Document(#[source] Arc<serde_json::Error>),
}

/// An event that cannot be applied.
#[derive(Debug, PartialEq, Eq)]
pub struct History {
    /// Log position of the event.
    pub at: LogPosition,
    /// Why it cannot be applied.
    pub reason: String,
}

/// A position that the log does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeyondLog {
    /// The requested position.
    pub position: Position,
    /// The position of the last event in the log.
    pub end: Position,
}

/// A position that lies too far back for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFarBack {
    /// The requested position.
    pub position: Position,
    /// The position of the last event that is applied.
    pub end: Position,
}

/// Events that a reader has and the log does not contain any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsLost {
    /// The last event that the reader has.
    pub lost: LogPosition,
    /// The last position up to which the log still contains the events of the reader.
    pub last_kept: Position,
    /// The current incarnation of the log.
    pub incarnation: Incarnation,
}

/// A projection that does not contain the required position yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectionLag {
    /// The position that the reader requires.
    pub required: Position,
    /// How long the reader was willing to wait.
    pub wait: Duration,
    /// How far the projection and the relay had come; `None` where that is unknown.
    pub reached: Option<Reached>,
}

/// How far a projection and the relay have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The answer would contain every event up to this position.
    pub contained: Position,
    /// The relay has published every event up to this position.
    pub relayed: Position,
}

/// Logs a defect. The error is created once per load, while its clones fail every request that shares the load.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        if let Failure::Panicked(_) | Failure::Defect(_) = failure {
            tracing::error!(error = failure.with_cause(), "a database statement failed");
        }
        Error::Database(Arc::new(failure))
    }
}

/// Logs the defect, like the conversion of a [`Failure`].
impl From<History> for Error {
    fn from(history: History) -> Error {
        tracing::error!(event.at = %history.at, error = history.reason, "an event of an order cannot be applied");
        Error::History(Arc::new(history))
    }
}

impl From<BeyondLog> for Error {
    fn from(error: BeyondLog) -> Error {
        Error::BeyondLog(error)
    }
}

impl From<TooFarBack> for Error {
    fn from(error: TooFarBack) -> Error {
        Error::TooFarBack(error)
    }
}

impl From<EventsLost> for Error {
    fn from(error: EventsLost) -> Error {
        Error::EventsLost(error)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        Failure::of(error).into()
    }
}

/// Logs the defect, like the conversion of a [`Failure`].
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        tracing::error!(%error, "a stored document cannot be decoded");
        Error::Document(Arc::new(error))
    }
}
