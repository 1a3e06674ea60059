//! An export as clients see it.

use chrono::{DateTime, Utc};
use events::Position;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::exports::failure::ExportError;
use crate::exports::job::{self, Format, Outcome, State, WrittenFile};
use crate::http::exports_state::Exports;

/// An export of a list or report to a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct Export {
    /// Id of the export.
    id: Uuid,
    /// Path and query of the list or report.
    query: String,
    /// Format of the file.
    format: Format,
    /// State of the export.
    state: State,
    /// Recurring export that created it; missing for an export that a request created.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<Uuid>,
    /// When the export was created.
    created_at: DateTime<Utc>,
    /// When the first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    /// When the export was complete or had failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// When the export is deleted with its file.
    expires_at: DateTime<Utc>,
    /// Number of attempts so far.
    attempts: u32,
    /// Rows written so far by the current attempt, updated every few seconds; of a complete export, rows of the file.
    rows: u64,
    /// Rows left out because a newer release wrote them and this release cannot read them; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    /// Bytes written so far by the current attempt; of a complete export, size of the file.
    bytes: u64,
    /// The file contains every event up to this position in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// Why the export failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ExportError>,
    /// The file, once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<ExportFile>,
}

/// The file of an export.
#[derive(Debug, Serialize, JsonSchema)]
struct ExportFile {
    /// Path and query of the download. Whoever has it can download the file.
    href: String,
    /// When `href` expires. A new request of the export gives another one.
    expires_at: DateTime<Utc>,
    /// Media type of the file.
    media_type: &'static str,
    /// SHA-256 of the file, as hexadecimal digits.
    sha256: String,
}

impl Export {
    /// The document of an export, with a new link to its file.
    pub(super) fn of(exports: &Exports, export: &job::Export) -> Export {
        let (now, job) = (exports.jobs.now(), &export.job);
        let expires_at = exports.jobs.expires_at(job);
        let written = export.outcome.as_ref().and_then(|outcome| outcome.result.as_ref().ok());
        let (rows, bytes) = match (written, &export.claim) {
            (Some(file), _) => (file.rows, file.bytes),
            (None, Some((_, claim))) => (claim.rows, claim.bytes),
            (None, None) => (0, 0),
        };
        let file = |written: &WrittenFile| {
            let link = exports.links.sign(job.id, now, expires_at);
            ExportFile {
                href: link.href,
                expires_at: link.expires_at,
                media_type: job.format.media_type(),
                sha256: written.sha256.clone(),
            }
        };
        Export {
            id: job.id,
            query: job.query.clone(),
            format: job.format,
            state: export.state(now),
            schedule_id: job.schedule_id,
            created_at: job.created_at,
            started_at: export.started_at,
            finished_at: export.outcome.as_ref().map(|outcome| outcome.finished_at),
            expires_at,
            attempts: export.claim.as_ref().map_or(0, |(number, _)| *number),
            rows,
            left_out: written.map(|file| file.left_out).filter(|rows| *rows > 0),
            bytes,
            position: written.map(|file| file.position),
            error: export.outcome.as_ref().and_then(|Outcome { result, .. }| result.as_ref().err().cloned()),
            file: written.map(file),
        }
    }
}
