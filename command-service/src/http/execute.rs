//! From a parsed command to its answer: submits the request that the caller makes of it, and waits.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use platform::metric_names;
use platform::problem::Problem;

use super::asked::{Asked, Said, Switches};
use super::operation::Terms;
use super::{MailboxSlot, problems, reply};
use crate::writer::{Reply, Request};
use domain::command::Command;

/// What the query of a single command may say.
pub(super) const SWITCHES: [&str; 1] = ["dry_run"];

/// Submits a command and gives its answer.
pub(super) async fn execute(
    slot: &MailboxSlot,
    query: Option<&str>,
    headers: &HeaderMap,
    terms: Terms,
    command: Command,
) -> Response {
    let mut response = match try_execute(slot, query, headers, &terms, command).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    if let Some(deprecation) = terms.deprecation {
        deprecation.tell(response.headers_mut());
    }
    response
}

async fn try_execute(
    slot: &MailboxSlot,
    query: Option<&str>,
    headers: &HeaderMap,
    terms: &Terms,
    command: Command,
) -> Result<Response, Problem> {
    let switches = Switches::read(query, &SWITCHES)?;
    let asked = Asked::read(headers, switches.dry_run);
    let request = asked.request(&Said::read(headers), terms.needs, command)?;
    let told = reply::tell(submit(slot, request).await?)?;
    Ok(told.response(terms.effect, asked.preference))
}

async fn submit(slot: &MailboxSlot, request: Request) -> Result<Reply, Problem> {
    let mailbox = slot.get().ok_or_else(problems::starting)?;
    let name = request.command.name();
    match mailbox.submit(request).await {
        Ok(reply) => {
            count(name, reply::outcome(&reply));
            Ok(reply)
        }
        Err(shed) => {
            count(name, "shed");
            Err(problems::shed(shed))
        }
    }
}

/// Counts a command that was handed to the writer.
pub(super) fn count(command: &'static str, outcome: &'static str) {
    metrics::counter!(metric_names::COMMANDS_TOTAL, "command" => command, "outcome" => outcome).increment(1);
}
