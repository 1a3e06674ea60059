//! The problems with which commands fail, other than those of the HTTP server ([`platform::problem`]). Their types are in
//! [`super::problem_types`].

use platform::problem::{Problem, ProblemType, types};
use platform::shown::shown;

use super::command_paths::CommandPaths;
use super::problem_types::*;
use super::rejection_types;
use crate::writer::Shed;
use crate::writer::key::InvalidKey;
use domain::rejection::{OrderState, Rejection};

/// Value of `Retry-After`, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Longer values are cut where a problem repeats them.
const SHOWN_MAX_CHARS: usize = 64;

const REPEAT_LATER: &str = "The command was not executed. Repeat the request with the same Idempotency-Key after the number of seconds in Retry-After.";

/// The problems with which any command can fail.
pub(super) const OF_ANY_COMMAND: [ProblemType; 13] = [
    IDEMPOTENCY_KEY_MISSING,
    IDEMPOTENCY_KEY_INVALID,
    IF_MATCH_INVALID,
    types::INVALID_QUERY,
    IDEMPOTENCY_IN_PROGRESS,
    STALE_VERSION,
    IDEMPOTENCY_KEY_REUSED,
    UNREADABLE,
    LOG_UNREACHABLE,
    types::OVERLOADED,
    STARTING,
    types::STOPPING,
    OUTCOME_UNKNOWN,
];

/// The command was rejected by the rules. Where the state of an order is the reason, the problem lists the commands that are allowed.
pub(super) fn rejected(rejection: &Rejection, paths: &CommandPaths) -> Problem {
    let mut problem = Problem::of(rejection_types::type_of(rejection)).detail(rejection.detail());
    if let Rejection::OrderState(OrderState { allowed, .. }) = rejection {
        let allowed: Vec<String> = allowed.iter().filter_map(|command| paths.path(*command)).collect();
        let advice = match allowed.is_empty() {
            true => "No other command is allowed.".to_owned(),
            false => format!("Allowed now: {}.", allowed.join(", ")),
        };
        problem = problem.detail(format!("{} {advice}", rejection.detail())).with("allowed", allowed);
    }
    for (key, value) in rejection.extensions() {
        problem = problem.with(key, value);
    }
    problem
}

pub(super) fn invalid_key(error: &InvalidKey) -> Problem {
    Problem::of(IDEMPOTENCY_KEY_INVALID).detail(format!("{error}."))
}

pub(super) fn key_missing() -> Problem {
    Problem::of(IDEMPOTENCY_KEY_MISSING).detail(
        "Send the header Idempotency-Key with a new UUID for each intended effect, and the same UUID with every repeat of the \
         request: the command then takes effect at most once.",
    )
}

pub(super) fn key_reused() -> Problem {
    Problem::of(IDEMPOTENCY_KEY_REUSED)
        .detail("Another command with this Idempotency-Key took effect. Send this command with a new Idempotency-Key.")
}

/// Two different commands of an atomic batch have the same key.
pub(super) fn key_shared(indices: [usize; 2]) -> Problem {
    let [first, second] = indices;
    Problem::of(IDEMPOTENCY_KEY_REUSED)
        .detail(format!(
            "The commands at index {first} and {second} of the batch are different and have the same key. No command of the batch was \
             executed. Send each command with its own key."
        ))
        .with("index", second)
        .with("indices", indices)
}

pub(super) fn in_flight() -> Problem {
    Problem::of(IDEMPOTENCY_IN_PROGRESS)
        .detail(
            "A command with this Idempotency-Key is being decided. Repeat the request after the number of seconds in Retry-After to \
             get the response to that command.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn invalid_if_match(found: &str) -> Problem {
    Problem::of(IF_MATCH_INVALID).detail(format!(
        "If-Match is `{}`. Send the ETag of a response, such as \"7\", or * for any version.",
        shown(found, SHOWN_MAX_CHARS)
    ))
}

pub(super) fn precondition_required() -> Problem {
    Problem::of(PRECONDITION_REQUIRED).detail(
        "Read the current state and send its ETag as If-Match, so that concurrent changes are not overwritten; or send * to change any \
         version.",
    )
}

pub(super) fn invalid_query_flag(name: &str, known: &[&str]) -> Problem {
    let name = shown(name, SHOWN_MAX_CHARS);
    let allowed = known.iter().map(|name| format!("{name}=true or false")).collect::<Vec<_>>().join(", ");
    Problem::of(types::INVALID_QUERY)
        .detail(format!(
            "The query parameter `{name}` is unknown or has an invalid value. Allowed parameters: {allowed}."
        ))
        .with("parameter", name)
        .with("allowed", known)
}

pub(super) fn skipped() -> Problem {
    Problem::of(SKIPPED)
        .detail("No command of the batch was executed. Correct the rejected command, then send the batch again.")
}

/// The writer did not accept the command.
pub(super) fn shed(shed: Shed) -> Problem {
    let problem_type = match shed {
        Shed::Full => types::OVERLOADED,
        Shed::Closed => types::STOPPING,
        Shed::Down => LOG_UNREACHABLE,
    };
    Problem::of(problem_type).detail(REPEAT_LATER).retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn starting() -> Problem {
    Problem::of(STARTING).detail(REPEAT_LATER).retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn outcome_unknown() -> Problem {
    Problem::of(OUTCOME_UNKNOWN)
        .detail(
            "The log did not respond in time, and the command may or may not have taken effect. Repeat the request with the same \
             Idempotency-Key: the command takes effect once, and the response contains its result.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn unreadable() -> Problem {
    Problem::of(UNREADABLE).detail(
        "The command was not executed, because data that it needs cannot be read or written. The service has logged the cause.",
    )
}

pub(super) fn no_commands() -> Problem {
    Problem::of(types::INVALID_BODY).detail("The batch contains no commands. Send at least one.").with("pointer", "")
}

pub(super) fn batch_too_large(limit: usize) -> Problem {
    Problem::of(BATCH_TOO_LARGE)
        .detail(format!("The batch contains more than {limit} commands. Split the batch."))
        .with("limit", limit)
}

pub(super) fn unknown_command(name: &str) -> Problem {
    let name = shown(name, SHOWN_MAX_CHARS);
    Problem::of(UNKNOWN_COMMAND)
        .detail(format!("There is no command `{name}`. The name of a command is the id of its operation."))
        .with("pointer", "/command")
}

pub(super) fn unknown_key() -> Problem {
    Problem::of(UNKNOWN_KEY).detail(
        "No command with this key took effect: it was never received, was rejected or changed nothing, or another process is deciding it \
         now. Send the command, or send it again, with the same key: it takes effect once.",
    )
}

/// A read of the log failed; commands get [`shed`].
pub(super) fn log_unreachable() -> Problem {
    Problem::of(LOG_UNREACHABLE)
        .detail("Repeat the request after the number of seconds in Retry-After.")
        .retry_after(RETRY_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use domain::rejection::samples::state;
    use domain::rejection::{AllowedCommand, Obstacle};
    use events::order::progress::FulfilmentState;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_that_the_state_forbids_is_answered_with_what_the_state_allows() {
        let paths = CommandPaths::of([
            ("deliver_fulfilment", "/v1/orders/{order_id}/fulfilments/{fulfilment}/delivery"),
            ("request_return", "/v1/orders/{order_id}/returns"),
        ]);
        let obstacle = Obstacle::Fulfilment(2, FulfilmentState::Shipped);
        let allowed = [AllowedCommand::to_part("deliver_fulfilment", 2), AllowedCommand::to_order("request_return")];
        let document = rejected(&state(obstacle, &allowed), &paths).to_json();
        assert_eq!(document["detail"], "Fulfilment 2 is shipped. Allowed now: fulfilments/2/delivery, returns.");
        assert_eq!(document["allowed"], json!(["fulfilments/2/delivery", "returns"]));
        assert_eq!((&document["lifecycle"], &document["fulfilment"]), (&json!("open"), &json!(2)));
        assert_eq!(document["state"], "shipped");
        let document = rejected(&state(obstacle, &[]), &paths).to_json();
        assert_eq!(document["detail"], "Fulfilment 2 is shipped. No other command is allowed.");
    }
}
