//! Executes one command: parses the request, submits the command to the writer, waits for the reply and responds.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use platform::problem::Problem;
use platform::{json, metric_names};

use super::command_parser::{CommandBody, HttpCommand, NO_BODY, ParsedCommand, Variables};
use super::request_headers::{CommandPreconditions, QueryFlags, RequestHeaders};
use super::state::HttpState;
use super::{problems, responses};
use crate::writer::{Reply, Request as WriterRequest};

/// The query parameters of a single command.
const QUERY_FLAGS: [&str; 1] = ["dry_run"];

/// Executes a command and responds.
pub(super) async fn execute(command: &HttpCommand, state: &HttpState, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let body = match command.parser.takes_body {
        true => json::read(&head.headers, body).await,
        false => Ok(Bytes::from_static(NO_BODY)),
    };
    let body = body.as_ref().map(|bytes| CommandBody { bytes, pointer: "" }).map_err(Problem::clone);
    let parsed = match command.parse(Variables::Path(&mut head), body) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.into_response(),
    };
    let deprecation = parsed.deprecation;
    let response = submit_parsed(state, head.uri.query(), &head.headers, parsed).await;
    let mut response = response.unwrap_or_else(Problem::into_response);
    if let Some(deprecation) = deprecation {
        deprecation.add_headers(response.headers_mut());
    }
    response
}

async fn submit_parsed(
    state: &HttpState,
    query: Option<&str>,
    headers: &HeaderMap,
    parsed: ParsedCommand,
) -> Result<Response, Problem> {
    let flags = QueryFlags::read(query, &QUERY_FLAGS)?;
    let request_headers = RequestHeaders::read(headers, flags.dry_run);
    let preconditions = CommandPreconditions::read(headers);
    let request = request_headers.request(&preconditions, parsed.required, parsed.command)?;
    let success = responses::success(submit(state, request).await?, &state.command_paths)?;
    Ok(success.response(parsed.effect, request_headers.preference))
}

async fn submit(state: &HttpState, request: WriterRequest) -> Result<Reply, Problem> {
    let mailbox = state.mailbox()?;
    let name = request.command.name();
    match mailbox.submit(request).await {
        Ok(reply) => {
            count(name, responses::outcome_label(&reply));
            Ok(reply)
        }
        Err(shed) => {
            count(name, "shed");
            Err(problems::shed(shed))
        }
    }
}

/// Counts a command that was submitted to the writer.
pub(super) fn count(command: &'static str, outcome: &'static str) {
    metrics::counter!(metric_names::COMMANDS_TOTAL, "command" => command, "outcome" => outcome).increment(1);
}
