//! From a parsed command to its reply: reads the key and the context from the headers, submits, waits.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use events::Metadata;
use platform::metric_names;
use platform::problem::Problem;

use super::operation::Effect;
use super::{MailboxSlot, reply};
use crate::command::Command;
use crate::writer::Request;
use crate::writer::key::Key;

/// Longest correlation id, in characters.
const MAX_CORRELATION_CHARS: usize = 128;

/// Length of a `traceparent` of version 00 (W3C Trace Context, 3.2).
const TRACEPARENT_CHARS: usize = 55;

/// Submits a command and gives its answer.
pub(super) async fn execute(
    slot: &MailboxSlot,
    headers: &HeaderMap,
    is_key_needed: bool,
    effect: Effect,
    command: Command,
) -> Response {
    let request = match request(headers, is_key_needed, command) {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let Some(mailbox) = slot.get() else { return reply::starting().into_response() };
    let name = request.command.name();
    let (outcome, response) = match mailbox.submit(request).await {
        Ok(replied) => (reply::outcome(&replied), reply::response(replied, effect)),
        Err(shed) => ("shed", reply::shed(shed).into_response()),
    };
    metrics::counter!(metric_names::COMMANDS_TOTAL, "command" => name, "outcome" => outcome).increment(1);
    response
}

fn request(headers: &HeaderMap, is_key_needed: bool, command: Command) -> Result<Request, Problem> {
    let key = match (headers.get("idempotency-key"), is_key_needed) {
        (Some(key), _) => {
            Key::named(key.to_str().unwrap_or_default(), &command).map_err(|error| reply::invalid_key(&error))?
        }
        (None, true) => return Err(reply::key_missing()),
        (None, false) => Key::anonymous(&command),
    };
    let metadata = Metadata {
        occurred_at: command.occurred_at(),
        correlation_id: visible(headers, "x-correlation-id", MAX_CORRELATION_CHARS),
        causation_id: None,
        traceparent: visible(headers, "traceparent", TRACEPARENT_CHARS),
    };
    Ok(Request { metadata, ..Request::new(key, command) })
}

/// A header that only accompanies the command: what is not usable is left out, not refused.
fn visible(headers: &HeaderMap, name: &str, max_chars: usize) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    let usable = !text.is_empty() && text.len() <= max_chars && text.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then(|| text.to_owned())
}
