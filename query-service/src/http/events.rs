//! `GET /v1/events`: pages of the log. [`crate::reads::events`] reads them. [`subscribe`] sends the events as they are written.

pub(super) mod subscribe;

use std::collections::BTreeSet;

use ::events::cloudevents::CloudEvent;
use ::events::{MAX_EXACT, Position, StreamId, Version, codec};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;
use schemars::JsonSchema;

use crate::http::app::App;
use crate::http::documentation::{self, Text};
use crate::http::page::PageRequest;
use crate::http::parameters::Parameters;
use crate::http::problems;
use crate::reads::events::EventFilter;

const PARAMETERS: [&str; 5] = ["from", "types", "stream", "limit", "cursor"];

/// What the documentation of every list of events says about personal data.
pub(super) const ERASED: &str = "Each event is a CloudEvent (JSON Event Format), with the attributes of the messages on Kafka. \
    Personal data that is erased is left out of its `data`.";

/// A position of the log.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct FirstPosition(#[schemars(range(min = 1))] i64);

/// The route of lists of events.
pub(super) fn routes() -> Routes<App> {
    let filters = [
        Parameter::query::<FirstPosition>(
            "from",
            "Position of the first event; 1 by default. Not together with `stream`.",
        ),
        Parameter::query::<Text>("types", "Event types, separated by commas, such as OrderPlaced,OrderCancelled."),
        Parameter::query::<Text>(
            "stream",
            "Only events of this stream, such as stock-MUG-1@main. Not together with `types`.",
        ),
    ];
    let list = documentation::list::<CloudEvent>("list_events", "List the events of the log, oldest first", filters)
        .paragraph(ERASED)
        .paragraph(
            "A page reads at most 10,000 positions of the log: with `types` it may have few events, or none, and still have \
             a next page. On the last page, continue later with the position after the last event as `from`.",
        );
    group().get("/v1/events", self::list, list)
}

fn group() -> Routes<App> {
    Routes::about("events", "The events of the log.")
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (request, parameters) = PageRequest::read(app.clone(), uri, &headers, &PARAMETERS)?;
    let (from, types, stream) = (read_from(&parameters)?, read_types(&parameters)?, read_stream(&parameters)?);
    let (consistency, limit) = (request.consistency(), request.limit);
    let page = match stream {
        Some(stream) => {
            refuse_with_stream(&parameters, &["from", "types"])?;
            let after = request.after(|key| Some(Version(i32::from_be_bytes(key.try_into().ok()?))))?;
            app.reads.events.read_stream(consistency, &stream, after.unwrap_or(Version::NONE), limit).await?
        }
        None => {
            let after = request.after(|key| Some(Position(i64::from_be_bytes(key.try_into().ok()?))))?;
            let after = after.or(from.map(|from| Position(from - 1))).unwrap_or(Position::ZERO);
            let filter = EventFilter { types: types.unwrap_or_default() };
            app.reads.events.read_log(consistency, &filter, after, limit).await?
        }
    };
    request.respond_from_log(&page)
}

fn read_from(parameters: &Parameters) -> Result<Option<i64>, Problem> {
    parameters.parsed("from", "a position of the log, a whole number from 1", position)
}

fn read_types(parameters: &Parameters) -> Result<Option<BTreeSet<String>>, Problem> {
    parameters.parsed("types", "event types, separated by commas, such as OrderPlaced", types)
}

fn read_stream(parameters: &Parameters) -> Result<Option<StreamId>, Problem> {
    parameters.parsed("stream", "a stream id, such as stock-MUG-1@main", |text| text.parse().ok())
}

fn refuse_with_stream(parameters: &Parameters, refused: &[&str]) -> Result<(), Problem> {
    let other = refused.iter().find_map(|name| Some((*name, parameters.text(name)?)));
    other.map_or(Ok(()), |(name, value)| Err(problems::invalid_parameter(name, value, "left out if `stream` is given")))
}

fn position(text: &str) -> Option<i64> {
    text.parse().ok().filter(|position| (1..=MAX_EXACT).contains(position))
}

/// Known types only: a misspelt type would match nothing.
fn types(text: &str) -> Option<BTreeSet<String>> {
    let is_known = |name: &&str| codec::EVENT_TYPES.iter().any(|known| known.name == *name);
    let types: BTreeSet<String> = text.split(',').filter(is_known).map(ToOwned::to_owned).collect();
    (types.len() == text.split(',').count()).then_some(types)
}
