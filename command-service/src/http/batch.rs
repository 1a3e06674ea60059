//! `POST /v1/commands`: up to [`COMMANDS_MAX`] commands at once, as a JSON array or a line each (NDJSON), with a result each, in
//! order. They stand alone, as if each had been sent alone, or with `?atomic=true` all of them take effect or none.
//!
//! One entry in the writer's mailbox and one wake-up for all of them is what makes it fast. A command that cannot be read
//! is refused like one that the rules refuse: it does not concern the others, unless they hang together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use events::Position;
use platform::deprecation::Deprecation;
use platform::openapi::{self, Header, Parameter};
use platform::problem::Problem;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::asked::{Asked, Switches};
use super::execute::count;
use super::item::{Entry, Item};
use super::items::{self, COMMANDS_MAX, Form};
use super::operation::{Effect, Refusal, Terms};
use super::reply::{self, Answered, Told, Tried};
use super::{MailboxSlot, problems};
use crate::writer::{Reply, Request, Together};

const SWITCHES: [&str; 2] = ["dry_run", "atomic"];
/// Place in the batch, as a member of a problem.
const INDEX: &str = "index";
const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");

/// Every command by its name.
pub(super) type Table = HashMap<&'static str, Entry>;

/// A command that can be handed over.
struct Ready {
    request: Request,
    terms: Terms,
}

/// A command that was read, or why it was not.
type Read = Result<Ready, Problem>;

/// What became of a command, with what else its answer depends on.
struct Fated {
    told: Result<Told, Problem>,
    effect: Effect,
    deprecation: Option<&'static Deprecation>,
}

/// The results of a batch.
#[derive(Serialize, JsonSchema)]
struct Results<'a> {
    /// One for each command, in their order.
    results: Vec<Outcome<'a>>,
}

/// What became of one command.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Outcome<'a> {
    /// It took effect.
    Done {
        /// The status that it would have been answered with alone.
        status: u16,
        /// `true` where this is the answer of an earlier time.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        replayed: bool,
        /// Its answer.
        #[serde(flatten)]
        answered: Answered<'a>,
    },
    /// It would take effect.
    Would {
        /// The status that it would have been answered with alone.
        status: u16,
        /// What would happen.
        #[serde(flatten)]
        tried: Tried<'a>,
    },
    /// It was refused: a problem document, with the command's place in the batch as `index`.
    Refused(#[schemars(schema_with = "refused")] &'a Problem),
}

fn refused(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "required": ["index"],
        "properties": { "index": { "type": "integer", "minimum": 0, "maximum": COMMANDS_MAX } },
    })
}

/// Reads and submits a batch and gives its answer.
pub(super) async fn execute(
    table: &Table,
    slot: &MailboxSlot,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    try_execute(table, slot, query, headers, body).await.unwrap_or_else(Problem::into_response)
}

async fn try_execute(
    table: &Table,
    slot: &MailboxSlot,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let form = Form::of(headers)?;
    let switches = Switches::read(query, &SWITCHES)?;
    let asked = Asked::read(headers, switches.dry_run);
    let items = items::split(form, body)?.into_iter().enumerate();
    let read: Vec<Read> = items.map(|(index, item)| ready(table, &asked, index, item)).collect();
    let fated = match switches.atomic {
        false => submit(slot, read, Together::Each).await?,
        true => all_or_nothing(slot, read).await?,
    };
    Ok(answer(form, &fated))
}

/// Reads a command and its needs; a problem names its place in the batch.
fn ready(table: &Table, asked: &Asked, index: usize, item: Result<Item<'_>, Problem>) -> Read {
    let ready = || {
        let item = item?;
        let entry = table.get(item.command.as_ref()).ok_or_else(|| problems::unknown_command(&item.command))?;
        let (terms, command) = (entry.read)(&item)?;
        Ok(Ready { request: asked.request(&item.said(), terms.needs, command)?, terms })
    };
    ready().map_err(|problem: Problem| problem.with(INDEX, index))
}

/// Gives the answer of every command, or the problem of the one because of which nothing happened.
async fn all_or_nothing(slot: &MailboxSlot, mut read: Vec<Read>) -> Result<Vec<Fated>, Problem> {
    if let Some(index) = read.iter().position(Result::is_err) {
        return Err(read.swap_remove(index).err().unwrap_or_else(problems::skipped));
    }
    if let Some(indices) = reused_key(&read) {
        return Err(problems::key_shared(indices));
    }
    let fated = submit(slot, read, Together::AllOrNothing).await?;
    let (mut culprit, mut skipped) = (None, None);
    for problem in fated.iter().filter_map(|fated| fated.told.as_ref().err()) {
        let first = if problem.kind() == problems::SKIPPED { &mut skipped } else { &mut culprit };
        first.get_or_insert(problem);
    }
    match culprit.or(skipped) {
        Some(problem) => Err(problem.clone()),
        None => Ok(fated),
    }
}

/// The places of two different commands with one key.
fn reused_key(read: &[Read]) -> Option<[usize; 2]> {
    let mut first = HashMap::with_capacity(read.len());
    let keys = read.iter().map(|ready| ready.as_ref().ok().map(|ready| ready.request.key));
    keys.enumerate().find_map(|(index, key)| {
        let key = key?;
        let (earlier, fingerprint) = *first.entry(key.id).or_insert((index, key.fingerprint));
        (fingerprint != key.fingerprint).then_some([earlier, index])
    })
}

/// Hands over what can be; everything else has its problem already.
async fn submit(slot: &MailboxSlot, read: Vec<Read>, together: Together) -> Result<Vec<Fated>, Problem> {
    let mailbox = slot.get().ok_or_else(problems::starting)?;
    let mut requests = Vec::with_capacity(read.len());
    let mut places = Vec::with_capacity(read.len());
    for ready in read {
        places.push(ready.map(|Ready { request, terms }| {
            let name = request.command.name();
            requests.push(request);
            (name, terms)
        }));
    }
    let replies = match requests.is_empty() {
        true => Vec::new(),
        false => mailbox.submit_many(requests, together).await.map_err(problems::shed)?,
    };
    let mut replies = replies.into_iter();
    let fated = places.into_iter().enumerate().map(|(index, place)| match place {
        Ok((name, terms)) => {
            let reply = replies.next().unwrap_or(Reply::Unknown);
            count(name, reply::outcome(&reply));
            let told = reply::tell(reply).map_err(|problem| problem.with(INDEX, index));
            Fated { told, effect: terms.effect, deprecation: terms.deprecation }
        }
        Err(problem) => Fated { told: Err(problem), effect: Effect::Changed, deprecation: None },
    });
    Ok(fated.collect())
}

fn answer(form: Form, fated: &[Fated]) -> Response {
    let results = Results { results: fated.iter().map(Outcome::of).collect() };
    let mut response = Response::new(Body::from(form.write(&results.results, &results)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, form.media_type());
    if let Some(position) = fated.iter().filter_map(|fated| position(fated.told.as_ref().ok()?)).max() {
        headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(position.0));
    }
    if let Some(deprecation) = fated.iter().find_map(|fated| fated.deprecation) {
        deprecation.tell(headers);
    }
    response
}

/// What must be read to see the command's effect.
fn position(told: &Told) -> Option<Position> {
    match told {
        Told::Done { answer, .. } => Some(answer.position),
        Told::Would { .. } => None,
    }
}

impl<'a> Outcome<'a> {
    fn of(fated: &'a Fated) -> Self {
        let told = match &fated.told {
            Ok(told) => told,
            Err(problem) => return Outcome::Refused(problem),
        };
        let status = told.status(fated.effect).as_u16();
        match told {
            Told::Done { answer, replayed, state } => {
                Outcome::Done { status, replayed: *replayed, answered: Answered::of(answer, state.as_deref()) }
            }
            Told::Would { answer, events } => Outcome::Would { status, tried: Tried::of(answer, events) },
        }
    }
}

/// What the document says of it; `refusals` are those of all commands.
pub(super) fn documented(table: &Table, refusals: &[Refusal]) -> openapi::Operation {
    let by_name: BTreeMap<_, _> = table.iter().map(|(name, entry)| (*name, Arc::clone(&entry.schema))).collect();
    let names: Vec<_> = by_name.keys().copied().collect();
    let said = format!("A command per line, as in the array: {}.", names.join(", "));
    let array = move |generator: &mut SchemaGenerator| {
        let each: Vec<_> = by_name.values().map(|schema| schema(generator)).collect();
        json_schema!({ "type": "array", "minItems": 1, "maxItems": COMMANDS_MAX, "items": { "oneOf": each } })
    };
    openapi::Operation::new("submit_commands", "Submits up to 1,000 commands at once")
        .paragraph(
            "A JSON array, or a command per line (`application/x-ndjson`), which is answered with a line each. Each command \
             has the name of its operation, `key` and `if_match` for the headers, the variables of its path under their \
             names there, and its `body`. A command that is refused does not concern the others, unless `atomic=true`.",
        )
        .paragraph(
            "A command that repeats an earlier one of the batch, with the same key, gets the same answer with `replayed`, as if \
             each had been sent alone. With `atomic=true`, two different commands with one key are refused as \
             `idempotency-key-reused`, with their places as `indices`.",
        )
        .takes([
            Parameter::query::<bool>("atomic", "`true`: all of them take effect, in order and in one commit, or none."),
            Parameter::query::<bool>("dry_run", "`true`: says what would happen and does nothing."),
            Parameter::header::<String>("Prefer", "As for single commands."),
        ])
        .body_of("application/json", array)
        .body_of("application/x-ndjson", move |_| json_schema!({ "type": "string", "description": said }))
        .answers::<Results>(
            200,
            "A result for each command, in their order.",
            &[Header::sometimes::<Position>("Consistency-Token", "The greatest `position` of the results.")],
        )
        .refuses([(422, "batch-too-large"), (422, "unknown-command")])
        .refuses(refusals.iter().copied())
        .refuses(problems::OF_ANY_COMMAND)
}
