//! Problem responses of exports. Their types are in [`super::problem_types`].

use platform::problem::Problem;
use uuid::Uuid;

use crate::exports::jobs::QUEUED_MAX;
use crate::exports::schedules::SCHEDULES_MAX;
use crate::exports::store::StoreError;
use crate::http::problem_types::{
    EXPORT_FILE_DELETED, EXPORT_NOT_FOUND, EXPORT_SCHEDULE_NOT_FOUND, EXPORTS_UNAVAILABLE, IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_REUSED, TOO_MANY_EXPORT_SCHEDULES, TOO_MANY_EXPORTS,
};

/// Seconds in `Retry-After` while the store does not answer.
const RETRY_AFTER_S: u64 = 1;
/// Seconds in `Retry-After` while the queue is full: an export takes seconds to minutes.
const RETRY_WHEN_FULL_S: u64 = 30;

/// The store of exports failed.
pub(super) fn store(error: &StoreError) -> Problem {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    tracing::error!(error = format!("{error}{}", cause.unwrap_or_default()), "a request of exports failed");
    EXPORTS_UNAVAILABLE
        .problem("The store of exports does not answer. Repeat the request after the time in Retry-After.")
        .retry_after(RETRY_AFTER_S)
}

/// The queue is full.
pub(super) fn too_many_exports() -> Problem {
    TOO_MANY_EXPORTS
        .problem(format!(
            "{QUEUED_MAX} exports are waiting. Repeat the request after the time in Retry-After, or delete exports that are not needed."
        ))
        .retry_after(RETRY_WHEN_FULL_S)
}

/// There are as many recurring exports as possible.
pub(super) fn too_many_export_schedules() -> Problem {
    TOO_MANY_EXPORT_SCHEDULES
        .problem(format!("There are {SCHEDULES_MAX} recurring exports, the maximum. Delete one of them first."))
}

/// No export has this id.
pub(super) fn export_not_found(id: Uuid) -> Problem {
    EXPORT_NOT_FOUND.problem(format!(
        "No export with id {id} was found. Exports are deleted with their files after some time, see `expires_at`."
    ))
}

/// No recurring export has this id.
pub(super) fn export_schedule_not_found(id: Uuid) -> Problem {
    EXPORT_SCHEDULE_NOT_FOUND.problem(format!("No recurring export with id {id} was found."))
}

/// The file had personal data that is erased.
pub(super) fn export_file_deleted() -> Problem {
    EXPORT_FILE_DELETED
        .problem("A customer was erased after the file was written, so the file is deleted. Start a new export.")
}

/// `Idempotency-Key` is malformed.
pub(super) fn invalid_idempotency_key(chars_max: usize) -> Problem {
    IDEMPOTENCY_KEY_INVALID.problem(format!(
        "Idempotency-Key must be given once, with 1 to {chars_max} visible ASCII characters. Send a new UUID for each export."
    ))
}

/// The idempotency key was used for another export.
pub(super) fn idempotency_key_reused() -> Problem {
    IDEMPOTENCY_KEY_REUSED.problem(
        "An export with this Idempotency-Key and another query or format exists. Send a new UUID for each export.",
    )
}

#[cfg(test)]
mod tests {
    use crate::exports::failure::{AttemptFailure, ExportError};
    use crate::http::problem_types::{
        DATABASE_BUSY, DATABASE_DOWN, EXPORTS_UNAVAILABLE, INTERNAL, INVALID_QUERY, PROJECTION_LAG, QUERY_TOO_SLOW,
    };
    use crate::reads::database::failure::Failure;
    use crate::reads::error::Error;

    #[test]
    fn the_error_of_an_export_has_a_type_of_problem_documents() {
        let known = [
            DATABASE_BUSY,
            DATABASE_DOWN,
            EXPORTS_UNAVAILABLE,
            INTERNAL,
            INVALID_QUERY,
            PROJECTION_LAG,
            QUERY_TOO_SLOW,
        ]
        .map(|it| format!("/problems/{}", it.documented().1));
        let read = |failure| AttemptFailure::Read(Error::from(failure));
        let failures = [
            AttemptFailure::Query("`tag` is empty.".into()),
            AttemptFailure::TimedOut,
            AttemptFailure::Encoding("a defect".into()),
            AttemptFailure::Store(std::io::Error::other("full").into()),
            read(Failure::Busy),
            read(Failure::Down),
            read(Failure::ReplicasBehind),
            read(Failure::StatementTimeout),
            read(Failure::Defect(sqlx::Error::RowNotFound)),
        ];
        for error in failures.iter().map(AttemptFailure::error) {
            let ExportError { problem_type, detail } = error;
            assert!(known.contains(&problem_type) && !detail.is_empty(), "{problem_type}");
        }
    }
}
