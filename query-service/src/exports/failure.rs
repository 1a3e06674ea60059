//! Why an export failed, as its document says it. `http::problem_types` has the same problem types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::StoreError;
use crate::reads::database::failure::Failure;
use crate::reads::error::Error;

/// Why an export failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ExportError")]
pub struct ExportError {
    /// Problem type, as in problem documents: `/problems/database-down`; or `/problems/export-interrupted`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What went wrong, for people.
    pub detail: String,
}

/// An attempt that failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptFailure {
    /// The rows cannot be read.
    #[error("reading the rows: {0}")]
    Read(#[from] Error),
    /// The file cannot be written.
    #[error("writing the file: {0}")]
    Store(#[from] StoreError),
    /// The rows cannot be encoded.
    #[error("encoding the rows: {0}")]
    Encoding(String),
    /// The query is not one that this release understands.
    #[error("{0}")]
    Query(String),
    /// The attempt took too long.
    #[error("the export took too long")]
    TimedOut,
}

impl AttemptFailure {
    /// Whether another attempt may succeed.
    pub fn may_succeed_later(&self) -> bool {
        match self {
            AttemptFailure::Read(Error::Database(failure)) => {
                !matches!(**failure, Failure::StatementTimeout | Failure::Defect(_))
            }
            // More events are written, and the position is even further back then.
            AttemptFailure::Read(Error::TooFarBack(_)) => false,
            AttemptFailure::Read(_) | AttemptFailure::Store(_) => true,
            AttemptFailure::Encoding(_) | AttemptFailure::Query(_) | AttemptFailure::TimedOut => false,
        }
    }

    /// The failure as clients see it.
    pub fn error(&self) -> ExportError {
        let (slug, detail) = match self {
            AttemptFailure::Query(detail) => ("invalid-query", detail.clone()),
            AttemptFailure::TimedOut => too_slow(),
            AttemptFailure::Store(_) => {
                ("exports-unavailable", "The store of exports did not accept the file.".to_owned())
            }
            AttemptFailure::Read(Error::Database(failure)) => database(failure),
            AttemptFailure::Read(Error::TooFarBack(back)) => (
                "position-too-old",
                format!("Position {} is too far back for a report. Request a later position.", back.position),
            ),
            AttemptFailure::Read(Error::ProjectionLag(lag)) => (
                "projection-lag",
                format!("The projection does not contain position {} yet. Request it later.", lag.required),
            ),
            AttemptFailure::Read(_) | AttemptFailure::Encoding(_) => defect(),
        };
        ExportError::of(slug, detail)
    }
}

impl ExportError {
    fn of(slug: &'static str, detail: String) -> ExportError {
        ExportError { problem_type: format!("/problems/{slug}"), detail }
    }

    /// The process that executed the export ended, again and again.
    pub(super) fn interrupted() -> ExportError {
        ExportError::of(
            "export-interrupted",
            "The process that wrote the file ended before the file was complete.".into(),
        )
    }
}

fn database(failure: &Failure) -> (&'static str, String) {
    match failure {
        Failure::Busy => ("database-busy", "Every connection for exports is in use.".to_owned()),
        Failure::StatementTimeout => too_slow(),
        Failure::ReplicasBehind => ("projection-lag", "No replica is close enough to the primary.".to_owned()),
        Failure::Down
        | Failure::Unavailable(_)
        | Failure::ConnectTimeout
        | Failure::Unresponsive
        | Failure::TableMissing(_)
        | Failure::CancelledByReplay(_) => {
            ("database-down", "The database could not be read from the first to the last row.".to_owned())
        }
        Failure::Panicked(_) | Failure::Defect(_) => defect(),
    }
}

fn too_slow() -> (&'static str, String) {
    (
        "query-too-slow",
        "The rows were not read within the time limit of exports. Export a shorter range of time.".to_owned(),
    )
}

fn defect() -> (&'static str, String) {
    ("internal", "The export failed because of a defect of this service. The cause is in its log.".to_owned())
}
