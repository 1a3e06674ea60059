//! `POST /v1/commands`: up to [`COMMANDS_MAX`] commands in one request, as a JSON array or as NDJSON, with one result per command in the
//! same order. By default the commands are independent of each other; with `?atomic=true`, all of them take effect or none does.
//!
//! A batch is submitted to the writer as one group, which costs one mailbox entry and one wake-up. A command that cannot be parsed is
//! rejected on its own, unless the batch is atomic. [`super::batch_body`] splits the body, [`super::batch_item`] parses one command.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use events::Position;
use platform::body::Whole;
use platform::deprecation::Deprecation;
use platform::openapi::{self, Header, Parameter, Routes};
use platform::problem::{Problem, ProblemType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::batch_body::{self, BatchFormat, COMMANDS_MAX, ParsedItem};
use super::batch_item;
use super::command_parser::CommandTable;
use super::execute::count;
use super::parameters;
use super::problem_types::{BATCH_TOO_LARGE, SKIPPED, UNKNOWN_COMMAND};
use super::problems;
use super::request_headers::{QueryFlags, RequestHeaders};
use super::responses::{self, CommandResult, DryRunResult, Effect, Success};
use super::state::HttpState;
use crate::writer::{Reply, Request, Together};

/// The route, with its version and without. The limit of its body is higher than that of other routes.
pub const PATHS: [&str; 2] = ["/v1/commands", "/commands"];

const QUERY_FLAGS: [&str; 2] = ["dry_run", "atomic"];
/// Problem member with the index of the command in the batch.
const INDEX: &str = "index";
const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");

/// A command that can be submitted to the writer.
struct ReadyCommand {
    request: Request,
    effect: Effect,
    deprecation: Option<&'static Deprecation>,
}

/// A command that can be submitted, or the problem of one that cannot.
type Prepared = Result<ReadyCommand, Problem>;

/// The outcome of a command, with what else its result depends on.
struct CommandOutcome {
    outcome: Result<Success, Problem>,
    effect: Effect,
    deprecation: Option<&'static Deprecation>,
}

/// The results of a batch.
#[derive(Serialize, JsonSchema)]
struct BatchResults<'a> {
    /// One result per command, in the order of the commands.
    results: Vec<BatchResult<'a>>,
}

/// The result of one command of a batch.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum BatchResult<'a> {
    /// The command took effect.
    Done {
        /// Status code of the response to the command as a single request.
        status: u16,
        /// `true` if this is the stored result of an earlier request with the same idempotency key.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        replayed: bool,
        #[serde(flatten)]
        result: CommandResult<'a>,
    },
    /// The command was a dry run.
    DryRun {
        /// Status code of the response to the command as a single request.
        status: u16,
        #[serde(flatten)]
        result: DryRunResult<'a>,
    },
    /// The command was rejected: a problem document with the index of the command in the batch as `index`.
    Rejected(#[schemars(schema_with = "problem_with_index")] &'a Problem),
}

fn problem_with_index(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "required": ["index"],
        "properties": { "index": { "type": "integer", "minimum": 0, "maximum": COMMANDS_MAX } },
    })
}

/// Adds the route of batches. `problem_types` are those of all commands.
pub(super) fn add_route(
    routes: Routes<HttpState>,
    commands: CommandTable,
    problem_types: &[ProblemType],
) -> Routes<HttpState> {
    let documentation = documentation(&commands, problem_types);
    let commands = Arc::new(commands);
    let handler = async move |State(state): State<HttpState>,
                              RawQuery(query): RawQuery,
                              headers: HeaderMap,
                              Whole(body): Whole| {
        let response = execute(&commands, &state, query.as_deref(), &headers, &body).await;
        response.unwrap_or_else(Problem::into_response)
    };
    routes.route(Method::POST, PATHS[0], handler, documentation)
}

async fn execute(
    commands: &CommandTable,
    state: &HttpState,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let format = BatchFormat::of(headers)?;
    let flags = QueryFlags::read(query, &QUERY_FLAGS)?;
    let request_headers = RequestHeaders::read(headers, flags.dry_run);
    let items = batch_body::split(format, body)?.into_iter().enumerate();
    let prepared = items.map(|(index, item)| prepare(commands, &request_headers, index, item)).collect();
    let outcomes = match flags.atomic {
        false => submit(state, prepared, Together::Each).await?,
        true => submit_atomically(state, prepared).await?,
    };
    Ok(respond(format, &outcomes))
}

/// Parses a command and checks its preconditions. A problem contains the index of the command.
fn prepare(commands: &CommandTable, headers: &RequestHeaders, index: usize, item: ParsedItem<'_>) -> Prepared {
    let prepare = || {
        let item = item?;
        let parsed = item.parse(commands)?;
        Ok(ReadyCommand {
            request: headers.request(&item.preconditions(), parsed.required, parsed.command)?,
            effect: parsed.effect,
            deprecation: parsed.deprecation,
        })
    };
    prepare().map_err(|problem: Problem| problem.with(INDEX, index))
}

/// The outcome of every command, or the problem of the command because of which the batch had no effect.
async fn submit_atomically(state: &HttpState, mut prepared: Vec<Prepared>) -> Result<Vec<CommandOutcome>, Problem> {
    if let Some(index) = prepared.iter().position(Result::is_err) {
        return Err(prepared.swap_remove(index).err().unwrap_or_else(problems::skipped));
    }
    if let Some(indices) = shared_key(&prepared) {
        return Err(problems::key_shared(indices));
    }
    let outcomes = submit(state, prepared, Together::AllOrNothing).await?;
    let (mut cause, mut skipped) = (None, None);
    for problem in outcomes.iter().filter_map(|command| command.outcome.as_ref().err()) {
        let first = if problem.kind() == SKIPPED.slug { &mut skipped } else { &mut cause };
        first.get_or_insert(problem);
    }
    match cause.or(skipped) {
        Some(problem) => Err(problem.clone()),
        None => Ok(outcomes),
    }
}

/// The indices of two different commands with the same key.
fn shared_key(prepared: &[Prepared]) -> Option<[usize; 2]> {
    let mut first = HashMap::with_capacity(prepared.len());
    let keys = prepared.iter().map(|command| command.as_ref().ok().map(|command| command.request.key));
    keys.enumerate().find_map(|(index, key)| {
        let key = key?;
        let (earlier, fingerprint) = *first.entry(key.id).or_insert((index, key.fingerprint));
        (fingerprint != key.fingerprint).then_some([earlier, index])
    })
}

/// Submits the commands that can be submitted; the others have their problem already.
async fn submit(
    state: &HttpState,
    prepared: Vec<Prepared>,
    together: Together,
) -> Result<Vec<CommandOutcome>, Problem> {
    let mailbox = state.mailbox()?;
    let mut requests = Vec::with_capacity(prepared.len());
    let mut submitted = Vec::with_capacity(prepared.len());
    for command in prepared {
        submitted.push(command.map(|ReadyCommand { request, effect, deprecation }| {
            let name = request.command.name();
            requests.push(request);
            (name, effect, deprecation)
        }));
    }
    let replies = match requests.is_empty() {
        true => Vec::new(),
        false => mailbox.submit_many(requests, together).await.map_err(problems::shed)?,
    };
    let mut replies = replies.into_iter();
    let outcomes = submitted.into_iter().enumerate().map(|(index, command)| match command {
        Ok((name, effect, deprecation)) => {
            let reply = replies.next().unwrap_or(Reply::Unknown);
            count(name, responses::outcome_label(&reply));
            let outcome = responses::success(reply, &state.command_paths).map_err(|problem| problem.with(INDEX, index));
            CommandOutcome { outcome, effect, deprecation }
        }
        Err(problem) => CommandOutcome { outcome: Err(problem), effect: Effect::Changed, deprecation: None },
    });
    Ok(outcomes.collect())
}

fn respond(format: BatchFormat, outcomes: &[CommandOutcome]) -> Response {
    let results = BatchResults { results: outcomes.iter().map(BatchResult::of).collect() };
    let mut response = Response::new(Body::from(format.write(&results.results, &results)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.media_type());
    if let Some(position) = outcomes.iter().filter_map(|command| position(command.outcome.as_ref().ok()?)).max() {
        headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(position.0));
    }
    if let Some(deprecation) = outcomes.iter().find_map(|command| command.deprecation) {
        deprecation.add_headers(headers);
    }
    response
}

/// The position that a read must have reached to return the effect of the command.
fn position(success: &Success) -> Option<Position> {
    match success {
        Success::Done { answer, .. } => Some(answer.position),
        Success::DryRun { .. } => None,
    }
}

impl<'a> BatchResult<'a> {
    fn of(command: &'a CommandOutcome) -> Self {
        let success = match &command.outcome {
            Ok(success) => success,
            Err(problem) => return BatchResult::Rejected(problem),
        };
        let status = success.status(command.effect).as_u16();
        match success {
            Success::Done { answer, replayed, state } => {
                BatchResult::Done { status, replayed: *replayed, result: CommandResult::of(answer, state.as_deref()) }
            }
            Success::DryRun { answer, events } => {
                BatchResult::DryRun { status, result: DryRunResult::of(answer, events) }
            }
        }
    }
}

fn documentation(commands: &CommandTable, problem_types: &[ProblemType]) -> openapi::Operation {
    let by_name: BTreeMap<_, _> = commands.iter().map(|(name, command)| (*name, Arc::clone(command))).collect();
    let names: Vec<_> = by_name.keys().copied().collect();
    let ndjson = format!("One command per line, each as in the array. Commands: {}.", names.join(", "));
    let array = move |generator: &mut SchemaGenerator| {
        let items: Vec<_> = by_name.values().map(|command| batch_item::schema(command, generator)).collect();
        json_schema!({ "type": "array", "minItems": 1, "maxItems": COMMANDS_MAX, "items": { "oneOf": items } })
    };
    openapi::Operation::new("submit_commands", "Submit up to 1,000 commands in one request")
        .paragraph(
            "The body is a JSON array, or NDJSON with one command per line (`application/x-ndjson`); the response has the same format. \
             Each command has the name of its operation as `command`, `key` and `if_match` instead of the headers, the path variables \
             under their names, and its `body`. A rejected command does not affect the others, unless `atomic=true`.",
        )
        .paragraph(
            "A command that repeats an earlier command of the batch with the same key returns the same result with `replayed`, as if the \
             commands were sent one after the other. With `atomic=true`, two different commands with the same key are rejected \
             (`idempotency-key-reused`, with both indices as `indices`).",
        )
        .takes([
            Parameter::query::<bool>("atomic", "`true`: all commands take effect, in order and in one commit, or none does."),
            parameters::DRY_RUN,
            Parameter::header::<String>("Prefer", "As for single commands; applies to every command of the batch."),
        ])
        .body_of("application/json", array)
        .body_of("application/x-ndjson", move |_| json_schema!({ "type": "string", "description": ndjson }))
        .answers::<BatchResults>(
            200,
            "One result per command, in the order of the commands.",
            &[Header::sometimes::<Position>("Consistency-Token", "The highest `position` of the results.")],
        )
        .refuses([BATCH_TOO_LARGE, UNKNOWN_COMMAND])
        .refuses(problem_types.iter().copied())
        .refuses(problems::OF_ANY_COMMAND)
}
