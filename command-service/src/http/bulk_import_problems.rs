//! The problems of bulk imports and jobs. Their types are in [`super::problem_types`].

use platform::problem::{Problem, types};
use uuid::Uuid;

use super::problem_types::*;
use crate::jobs::import::Import;
use crate::jobs::store;
use crate::jobs::upload::{Refused, UPLOADS_MAX};

/// Value of `Retry-After` where the database is unavailable, in seconds.
pub(super) const RETRY_AFTER_SECONDS: u64 = 1;

/// Values of `Retry-After` that leave time for an upload and for an import to end, in seconds.
const UPLOAD_RETRY_SECONDS: u64 = 5;
const IMPORT_RETRY_SECONDS: u64 = 30;

pub(super) fn database_unavailable(error: &store::Error) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "database of bulk imports unavailable");
    Problem::of(DATABASE_UNAVAILABLE)
        .detail(
            "Repeat the request after the number of seconds in Retry-After; repeat a POST with the same Idempotency-Key.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn too_many_uploads() -> Problem {
    Problem::of(TOO_MANY_UPLOADS)
        .detail(format!(
            "The service is receiving {UPLOADS_MAX} uploads, which is the limit. This upload was not accepted. Repeat the request with the \
             same Idempotency-Key after the number of seconds in Retry-After."
        ))
        .retry_after(UPLOAD_RETRY_SECONDS)
}

pub(super) fn too_many_imports(waiting_bytes: u64) -> Problem {
    Problem::of(TOO_MANY_IMPORTS)
        .detail(format!(
            "The rows of bulk imports that have not ended use {waiting_bytes} bytes, which exceeds the limit. This bulk import was not \
             accepted. Repeat the request with the same Idempotency-Key when some bulk imports have ended, or retry or cancel the failed \
             jobs."
        ))
        .retry_after(IMPORT_RETRY_SECONDS)
}

/// The bulk import was accepted earlier, and its job has been deleted since.
pub(super) fn job_deleted(id: Uuid) -> Problem {
    Problem::of(JOB_FORGOTTEN)
        .detail(format!(
            "The bulk import with this Idempotency-Key was job {id}, which ended some time ago and has been deleted. The request was not \
             executed again. To import rows now, send them with a new Idempotency-Key."
        ))
        .with("job", id)
}

pub(super) fn unknown_job(id: Uuid) -> Problem {
    Problem::of(UNKNOWN_JOB)
        .detail(format!("There is no job {id}. Jobs are deleted after the retention period that follows their end."))
}

pub(super) fn job_state(import: &Import, detail: &str) -> Problem {
    Problem::of(JOB_STATE).detail(detail).with("state", import.state)
}

pub(super) fn invalid_page_limit(max: i64) -> Problem {
    Problem::of(types::INVALID_QUERY).detail(format!("limit must be an integer from 1 to {max}."))
}

pub(super) fn unsupported_format(found: &str) -> Problem {
    Problem::of(types::CONTENT_TYPE).detail(format!(
        "Send rows with exactly one Content-Type: application/x-ndjson or text/csv, in UTF-8 (found: {found})."
    ))
}

/// The problem of an upload that was not accepted.
pub(super) fn upload_refused(refused: &Refused) -> Problem {
    let problem_type = match refused {
        Refused::TooLarge(_) => types::BODY_TOO_LARGE,
        Refused::TooManyRows(_) => TOO_MANY_ROWS,
        Refused::RowTooLong { .. } => ROW_TOO_LONG,
        Refused::Empty => NO_ROWS,
        Refused::Gzip(_) => types::MALFORMED_GZIP,
        Refused::Header(_) => INVALID_HEADER,
        Refused::Store(error) => return database_unavailable(error),
    };
    let detail = match refused {
        Refused::TooLarge(max) => format!("The maximum size of the decompressed body is {max} bytes. Split the body."),
        Refused::TooManyRows(max) => format!("The maximum number of rows is {max}. Split the body."),
        Refused::Header(error) => format!("Invalid header: {error}."),
        Refused::Gzip(error) => format!("Content-Encoding is gzip, but the body is not valid gzip data: {error}."),
        Refused::RowTooLong { .. } | Refused::Empty | Refused::Store(_) => {
            format!("The bulk import was not accepted: {refused}.")
        }
    };
    Problem::of(problem_type).detail(detail)
}
