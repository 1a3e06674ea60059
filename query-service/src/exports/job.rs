//! An export: what is exported, and what became of it.

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claim::Claim;
use super::failure::ExportError;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ExportFormat")]
pub enum Format {
    /// CSV (RFC 4180) with a header, one record for each row.
    Csv,
    /// One JSON document a line, as the list or report shows it.
    Ndjson,
    /// Apache Parquet, compressed with zstd, with the columns of CSV.
    Parquet,
}

/// The state of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ExportState")]
pub enum State {
    /// Waits for a worker, or for the next attempt.
    Queued,
    /// A worker writes the file.
    Running,
    /// The file can be downloaded.
    Complete,
    /// No attempt succeeded.
    Failed,
}

/// What is exported. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Id of the export.
    pub id: Uuid,
    /// Path and query of the list or report.
    pub query: String,
    /// Format of the file.
    pub format: Format,
    /// When the export was created.
    pub created_at: DateTime<Utc>,
    /// Digest of the idempotency key with which it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The schedule that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<Uuid>,
}

/// A complete file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// The attempt that wrote it.
    pub attempt: u32,
    /// Name of the list or report.
    pub dataset: String,
    /// Number of rows.
    pub rows: u64,
    /// Number of rows that are left out because a newer release wrote them.
    pub left_out: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 as hexadecimal digits.
    pub sha256: String,
    /// The file contains every event up to this position.
    pub position: Position,
    /// For a file with personal data: no customer is in it who was erased up to this position of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_up_to: Option<LogPlace>,
}

/// A log position as a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    incarnation: Incarnation,
    position: Position,
}

/// What became of an export. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When the export ended.
    pub finished_at: DateTime<Utc>,
    /// The file, or why there is none.
    pub result: Result<WrittenFile, ExportError>,
}

/// An export as it is now.
#[derive(Debug, Clone)]
pub struct Export {
    /// What is exported.
    pub job: Job,
    /// The first attempt's begin.
    pub started_at: Option<DateTime<Utc>>,
    /// The last attempt, with its number.
    pub claim: Option<(u32, Claim)>,
    /// What became of it.
    pub outcome: Option<Outcome>,
}

impl Format {
    /// The media type of the file.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Ndjson => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The ending of the file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
        }
    }
}

impl From<LogPosition> for LogPlace {
    fn from(at: LogPosition) -> LogPlace {
        LogPlace { incarnation: at.incarnation, position: at.position }
    }
}

impl From<LogPlace> for LogPosition {
    fn from(at: LogPlace) -> LogPosition {
        LogPosition { incarnation: at.incarnation, position: at.position }
    }
}

impl Export {
    /// The state of the export.
    pub fn state(&self, now: DateTime<Utc>) -> State {
        match (&self.outcome, &self.claim) {
            (Some(Outcome { result: Ok(_), .. }), _) => State::Complete,
            (Some(Outcome { result: Err(_), .. }), _) => State::Failed,
            (None, Some((_, claim))) if claim.is_held(now) => State::Running,
            (None, _) => State::Queued,
        }
    }
}
