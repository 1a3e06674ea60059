//! The problems with which the API fails, other than those of the HTTP server ([`platform::problem`]).

use axum::http::StatusCode;
use platform::problem::{Problem, ProblemType, types};

use crate::operator_error::OperatorError;
use crate::store::StoreError;

pub(super) const STATE_CONFLICT: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "state-conflict", "The state of the projection does not allow this");
pub(super) const UNSAFE_PROMOTION: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "unsafe-promotion", "The generation is not safe to promote");
pub(super) const IN_PROGRESS: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "operation-in-progress", "Another operation is in progress");
pub(super) const DATABASE_UNAVAILABLE: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "Database unavailable");
pub(super) const CROSS_SITE: ProblemType =
    ProblemType::new(StatusCode::FORBIDDEN, "cross-site", "Request of another site");

/// Problems of all routes.
pub(super) const OF_ANY_REQUEST: [ProblemType; 2] = [CROSS_SITE, DATABASE_UNAVAILABLE];
/// Problems of all routes of one projection.
pub(super) const OF_A_PROJECTION: [ProblemType; 3] = [CROSS_SITE, DATABASE_UNAVAILABLE, types::NOT_FOUND];
/// Problems of all commands on a projection.
pub(super) const OF_A_COMMAND: [ProblemType; 5] =
    [CROSS_SITE, DATABASE_UNAVAILABLE, types::NOT_FOUND, STATE_CONFLICT, IN_PROGRESS];

/// Value of `Retry-After`, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Problem {
        let problem_type = match &error {
            OperatorError::NotFound(_) => types::NOT_FOUND,
            OperatorError::Conflict(_) => STATE_CONFLICT,
            OperatorError::Unsafe(_) => UNSAFE_PROMOTION,
            OperatorError::Busy(_) => IN_PROGRESS,
            OperatorError::Invalid(_) => types::INVALID_BODY,
            OperatorError::Unavailable(cause) => {
                tracing::warn!(error = format!("{cause:#}"), "the database is unavailable to a command of an operator");
                let retry =
                    "The database cannot be reached. Repeat the request after the number of seconds in Retry-After.";
                return Problem::of(DATABASE_UNAVAILABLE).detail(retry).retry_after(RETRY_AFTER_SECONDS);
            }
            OperatorError::Failed(cause) => {
                tracing::error!(error = format!("{cause:#}"), "a command of an operator failed");
                return Problem::of(types::INTERNAL).detail("The command failed. The projector has logged the cause.");
            }
        };
        Problem::of(problem_type).detail(format!("{error}."))
    }
}

/// The problem of a failed read.
pub(super) fn of_store(error: StoreError) -> Problem {
    OperatorError::from(error).into()
}

/// The request comes from a page of another site, or names a host that is not this server; `reason` says what to change.
pub(super) fn cross_site(reason: &str) -> Problem {
    Problem::of(CROSS_SITE).detail(reason)
}
