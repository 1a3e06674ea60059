//! The problems that commands are refused with before, around and after the rules; the rules' own are
//! [`Rejection`](domain::rejection::Rejection)s, the shell's are in `platform`.

use axum::http::StatusCode;
use platform::problem::Problem;
use platform::shown::shown;

use super::operation::Refusal;
use crate::writer::Shed;
use crate::writer::key::InvalidKey;
use domain::rejection::Rejection;

/// Seconds after which it makes sense to try again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What was sent is repeated to this length.
const SHOWN_MAX_CHARS: usize = 64;

/// Kind of what did not happen because of another command of its group.
pub(super) const SKIPPED: &str = "skipped";

/// Kind of what failed because the log does not answer.
const LOG_UNREACHABLE: &str = "log-unreachable";

/// How any command may be refused, whatever the rules say.
pub(super) const OF_ANY_COMMAND: [Refusal; 13] = [
    (400, "idempotency-key-missing"),
    (400, "idempotency-key-invalid"),
    (400, "if-match-invalid"),
    (400, "invalid-query"),
    (409, "idempotency-in-progress"),
    (412, "stale-version"),
    (422, "idempotency-key-reused"),
    (500, "unreadable"),
    (503, LOG_UNREACHABLE),
    (503, "overloaded"),
    (503, "starting"),
    (503, "stopping"),
    (503, "outcome-unknown"),
];

/// What the rules say.
pub(super) fn rejected(rejection: &Rejection) -> Problem {
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::CONFLICT);
    let mut problem = Problem::new(status, rejection.kind(), rejection.title()).detail(rejection.detail());
    for (key, value) in rejection.extensions() {
        problem = problem.with(key, value);
    }
    problem
}

pub(super) fn invalid_key(error: &InvalidKey) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-invalid", "The idempotency key is not usable")
        .detail(format!("{error}."))
}

pub(super) fn key_missing() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-missing", "An idempotency key is needed").detail(
        "Send the header Idempotency-Key with a fresh UUID per intended effect, and the same one when you repeat the request: \
         then it takes effect at most once.",
    )
}

pub(super) fn key_reused() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used before")
        .detail("This Idempotency-Key belongs to another command, which stands. Send this one with a key of its own.")
}

/// Two different commands of a batch that hangs together have one key.
pub(super) fn key_shared(indices: [usize; 2]) -> Problem {
    let [first, second] = indices;
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used before")
        .detail(format!(
            "The commands at index {first} and {second} of the batch have the same key and are different. Nothing was done. \
             Give each command a key of its own."
        ))
        .with("index", second)
        .with("indices", indices)
}

pub(super) fn in_flight() -> Problem {
    Problem::new(StatusCode::CONFLICT, "idempotency-in-progress", "The same command is being decided")
        .detail(
            "A command with this Idempotency-Key is on its way. Repeat the request a little later to get its answer.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn invalid_if_match(found: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "if-match-invalid", "The precondition is not usable").detail(format!(
        "If-Match is `{}`. Send the ETag of an answer, such as \"7\", or * for any version.",
        shown(found, SHOWN_MAX_CHARS)
    ))
}

pub(super) fn precondition_required() -> Problem {
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "The version that was seen is needed")
        .detail("Read it first, then send its ETag as If-Match, so that nobody's change is lost; or * to change any version.")
}

pub(super) fn invalid_switch(name: &str, known: &[&str]) -> Problem {
    let name = shown(name, SHOWN_MAX_CHARS);
    let allowed = known.iter().map(|name| format!("{name}=true or false")).collect::<Vec<_>>().join(", ");
    Problem::new(StatusCode::BAD_REQUEST, "invalid-query", "A query parameter is wrong")
        .detail(format!("`{name}` is not one, or its value is wrong. Allowed are: {allowed}."))
        .with("parameter", name)
        .with("allowed", known)
}

pub(super) fn skipped() -> Problem {
    Problem::new(StatusCode::FAILED_DEPENDENCY, SKIPPED, "Another command of the group did not take effect")
        .detail("Nothing was done. Correct the command that was refused, then send the group again.")
}

pub(super) fn shed(shed: Shed) -> Problem {
    let (kind, title) = match shed {
        Shed::Full => ("overloaded", "Too many commands are waiting"),
        Shed::Closed => ("stopping", "This process stops"),
        Shed::Down => (LOG_UNREACHABLE, "The log does not answer"),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, title)
        .detail("Nothing was done. Repeat the request with the same Idempotency-Key after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn starting() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "The log cannot be reached yet")
        .detail("Nothing was done. Repeat the request with the same Idempotency-Key after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn unknown() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", "The log did not answer in time")
        .detail(
            "The command took effect or did not. Repeat the request with the same Idempotency-Key: it takes effect once, \
             and the answer says what it did.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn unreadable() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", "The command could not be decided")
        .detail("Nothing was done. What the command needs cannot be read or written; the service's log says why.")
}

pub(super) fn no_commands() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", "The body is not what this route takes")
        .detail("There is no command in it. Send at least one.")
        .with("pointer", "")
}

pub(super) fn batch_too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "batch-too-large", "Too many commands at once")
        .detail(format!("There are more than {limit} commands in it. Split it."))
        .with("limit", limit)
}

pub(super) fn unknown_command(name: &str) -> Problem {
    let name = shown(name, SHOWN_MAX_CHARS);
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-command", "There is no such command")
        .detail(format!("There is no command `{name}`. Names of commands are those of their operations."))
        .with("pointer", "/command")
}

pub(super) fn unknown_key() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown-key", "Nothing is known of this key").detail(
        "A command with this key was never taken, or was refused, or changed nothing; or another process is deciding it right \
         now. Send it, or send it again, with the same key: it takes effect once.",
    )
}

pub(super) fn log_unreachable() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, LOG_UNREACHABLE, "The log cannot be read")
        .detail("Ask again after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}
