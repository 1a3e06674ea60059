//! What is known of an import: what was asked, where it stands.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Orders to place.
    Orders,
    /// Products to create or to bring up to date.
    Products,
    /// Pieces that came in, counts and corrections.
    Stock,
    /// Customers to register.
    Customers,
}

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON document per line.
    Ndjson,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
}

/// What rows that cannot take effect mean to the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Nothing: the others take effect.
    #[default]
    RejectFailed,
    /// All are checked first, and none takes effect if one cannot.
    RejectAll,
}

/// What orders do to stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// They reserve it and are refused where it is short.
    #[default]
    Enforce,
    /// They reserve it, and what is missing is adjusted in.
    Force,
    /// They leave it alone.
    Skip,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a worker.
    Queued,
    /// It was begun.
    Running,
    /// Every row took effect or is in the report.
    Succeeded,
    /// It could not be worked, or one row was enough to refuse them all.
    Failed,
    /// It was told to stop; what had taken effect stands.
    Cancelled,
}

/// What is done to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// They are checked and nothing else.
    Check,
    /// They take effect.
    Apply,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What the rows are.
    pub kind: Kind,
    /// How they are written.
    pub format: Format,
    /// What rows that cannot take effect mean to the others.
    pub on_error: OnError,
    /// What orders do to stock.
    pub stock: Stock,
    /// Whether only to say what would happen.
    pub dry_run: bool,
}

/// Counts of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rows {
    /// In the body.
    pub total: i32,
    /// Looked at in this phase.
    pub read: i32,
    /// Took effect.
    pub applied: i32,
    /// Are in the report.
    pub rejected: i32,
}

/// An import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Its name: a UUID version 7.
    pub id: Uuid,
    /// What was asked for.
    pub asked: Asked,
    /// The first row of a CSV file.
    pub header: Option<Vec<u8>>,
    /// Where it stands.
    pub state: State,
    /// Whether it is out of attempts and waits for an operator.
    pub is_dead: bool,
    /// What is done to the rows.
    pub phase: Phase,
    /// Whether somebody wants it to stop.
    pub cancel_requested: bool,
    /// How far it has come.
    pub rows: Rows,
    /// How often it was begun.
    pub attempt: i32,
    /// Why it failed, or why the last attempt did.
    pub error: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it was first begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Asked {
    /// Where the work begins.
    pub fn first_phase(&self) -> Phase {
        match self.dry_run || self.on_error == OnError::RejectAll {
            true => Phase::Check,
            false => Phase::Apply,
        }
    }
}

impl Kind {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Orders => "orders",
            Kind::Products => "products",
            Kind::Stock => "stock",
            Kind::Customers => "customers",
        }
    }
}

impl Format {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
        }
    }
}

impl OnError {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            OnError::RejectFailed => "reject_failed",
            OnError::RejectAll => "reject_all",
        }
    }
}

impl Stock {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Stock::Enforce => "enforce",
            Stock::Force => "force",
            Stock::Skip => "skip",
        }
    }
}

impl State {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        matches!(self, State::Succeeded | State::Failed | State::Cancelled)
    }
}

impl Phase {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Check => "check",
            Phase::Apply => "apply",
        }
    }
}
