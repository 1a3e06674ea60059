//! A bulk import: its options, its state and its progress.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kind of the imported rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// Orders, which are placed.
    Orders,
    /// Products, which are created or updated.
    Products,
    /// Stock receipts and stock adjustments.
    Stock,
    /// Customers, which are registered.
    Customers,
}

/// Format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// One JSON document per line.
    Ndjson,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
}

/// Effect of rejected rows on the other rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// None: the other rows are applied.
    #[default]
    RejectFailed,
    /// All rows are checked first, and no row is applied if one is rejected.
    RejectAll,
}

/// Effect of imported orders on stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockEffect {
    /// Orders reserve stock and are rejected if it is insufficient.
    #[default]
    Enforce,
    /// Orders reserve stock; missing units are added by stock adjustments.
    Force,
    /// Orders do not change stock.
    Skip,
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The job waits for a worker.
    Queued,
    /// A worker executes the job.
    Running,
    /// Every row was applied or is in the rejection report.
    Succeeded,
    /// The job could not be executed, or `reject_all` applied no rows because some were rejected.
    Failed,
    /// The job was cancelled. Rows that were applied before stay applied.
    Cancelled,
}

/// Phase of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobPhase {
    /// The rows are checked and not applied.
    Check,
    /// The rows are applied.
    Apply,
}

/// The options of a bulk import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportOptions {
    /// Kind of the rows.
    pub kind: ImportKind,
    /// Format of the rows.
    pub format: RowFormat,
    /// Effect of rejected rows on the other rows.
    pub on_error: OnError,
    /// Effect of orders on stock.
    pub stock: StockEffect,
    /// Whether the rows are checked and not applied.
    pub dry_run: bool,
}

/// Numbers of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rows {
    /// Rows in the body.
    pub total: i32,
    /// Rows processed in the current phase.
    pub read: i32,
    /// Rows that were applied.
    pub applied: i32,
    /// Rows in the rejection report.
    pub rejected: i32,
}

/// A bulk import and the job that executes it.
#[derive(Debug, Clone)]
pub struct Import {
    /// Id: a UUID version 7.
    pub id: Uuid,
    /// The options of a bulk import.
    pub options: ImportOptions,
    /// Header row of a CSV file.
    pub header: Option<Vec<u8>>,
    /// State of the job.
    pub state: JobState,
    /// Whether the job failed after its last attempt and waits for an operator.
    pub is_dead: bool,
    /// Phase of the job.
    pub phase: JobPhase,
    /// Whether the cancellation of the job was requested.
    pub cancel_requested: bool,
    /// Progress of the job.
    pub rows: Rows,
    /// Number of times that a worker started the job.
    pub attempt: i32,
    /// Error of the last failed attempt, or reason for the failure of the job.
    pub error: Option<String>,
    /// Instant at which the bulk import was accepted.
    pub created_at: DateTime<Utc>,
    /// Instant at which a worker first started the job.
    pub started_at: Option<DateTime<Utc>>,
    /// Instant at which the job ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl ImportOptions {
    /// The first phase.
    pub fn first_phase(&self) -> JobPhase {
        match self.dry_run || self.on_error == OnError::RejectAll {
            true => JobPhase::Check,
            false => JobPhase::Apply,
        }
    }
}

impl ImportKind {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            ImportKind::Orders => "orders",
            ImportKind::Products => "products",
            ImportKind::Stock => "stock",
            ImportKind::Customers => "customers",
        }
    }
}

impl RowFormat {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            RowFormat::Ndjson => "ndjson",
            RowFormat::Csv => "csv",
        }
    }
}

impl OnError {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            OnError::RejectFailed => "reject_failed",
            OnError::RejectAll => "reject_all",
        }
    }
}

impl StockEffect {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            StockEffect::Enforce => "enforce",
            StockEffect::Force => "force",
            StockEffect::Skip => "skip",
        }
    }
}

impl JobState {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended.
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
    }
}

impl JobPhase {
    /// Name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            JobPhase::Check => "check",
            JobPhase::Apply => "apply",
        }
    }
}
