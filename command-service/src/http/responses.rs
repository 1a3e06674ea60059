//! Responses to commands: the result of a command, the result of a dry run, or a problem document ([`super::problems`]).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use events::{Category, OrderCode, Position, Version, codec};
use platform::openapi::Header;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::command_paths::CommandPaths;
use super::problems;
use super::request_headers::Preference;
use crate::writer::Reply;
use crate::writer::answer::{Answer, PartNumbers};
use domain::decision::NewEvent;
use domain::state::State;

const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// What a command does, which determines the status code of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Creates something: 201 with `Location`.
    Created,
    /// Changes something: 200.
    Changed,
}

/// The result of a command.
#[derive(Serialize, JsonSchema)]
pub(super) struct CommandResult<'a> {
    /// Identifier of the order, product, stock item, stock hold or customer that the command addressed: an id, a SKU, or SKU and location
    /// (`LAMP@main`).
    id: &'a str,
    /// Order code, if the command placed an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a OrderCode>,
    /// Version of the addressed order, product, stock item, stock hold or customer after the command.
    version: Version,
    /// Position of the command's last event in the log. A query with this value as `Consistency-Token` returns data that includes the
    /// effect of the command.
    position: Position,
    #[serde(flatten)]
    part: PartNumbers,
    /// Assigned units that are not on hand. Present with the `state` of a stock item after a count that found too few units.
    #[serde(skip_serializing_if = "Option::is_none")]
    shortage: Option<i64>,
    /// State after the command. Present if the request has `Prefer: return=representation` and is not a repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
}

/// The result of a dry run: the command was decided, and no events were appended.
#[derive(Serialize, JsonSchema)]
pub(super) struct DryRunResult<'a> {
    /// Always `true`.
    dry_run: bool,
    /// The result that the command would have. `position` is the current end of the log.
    would: CommandResult<'a>,
    /// The events that the command would append.
    events: Vec<DryRunEvent<'a>>,
}

/// An event that a command would append.
#[derive(Serialize, JsonSchema)]
struct DryRunEvent<'a> {
    /// Id of the event's stream, such as `order-0190163d-8694-739b-aea5-966c26f8ad91`.
    stream: &'a str,
    /// Event type, such as `OrderPlaced`.
    r#type: &'static str,
    /// Payload of the event, as defined by the JSON Schema of its type.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: Box<RawValue>,
}

/// Headers of the response to a command.
pub(super) const HEADERS: [Header; 4] = [
    Header::sometimes::<String>(
        "ETag",
        "The `version` of the response, for `If-Match`. Absent from the response to a dry run.",
    ),
    Header::sometimes::<Position>(
        "Consistency-Token",
        "The `position` of the response. Send this header with a query whose response must include the effect of the command.",
    ),
    Header::sometimes::<bool>(
        "Idempotent-Replayed",
        "`true` if this is the stored response to an earlier request with the same idempotency key.",
    ),
    Header::sometimes::<String>("Preference-Applied", "The preference of `Prefer` that was applied (RFC 7240)."),
];

/// Headers of the response to a command that creates something.
pub(super) const CREATED_HEADERS: [Header; 5] = [
    HEADERS[0],
    HEADERS[1],
    HEADERS[2],
    HEADERS[3],
    Header::always::<String>("Location", "Path of the changed or created resource in the query service."),
];

/// A successful reply of the writer.
pub(super) enum Success {
    /// The command took effect.
    Done { answer: Answer, replayed: bool, state: Option<Box<State>> },
    /// The command was a dry run.
    DryRun { answer: Answer, events: Vec<NewEvent> },
}

/// Separates successful replies from problems.
pub(super) fn success(reply: Reply, paths: &CommandPaths) -> Result<Success, Problem> {
    Err(match reply {
        Reply::Done { answer, replayed, state } => return Ok(Success::Done { answer, replayed, state }),
        Reply::Would { answer, events } => return Ok(Success::DryRun { answer, events }),
        Reply::Rejected(rejection) => problems::rejected(&rejection, paths),
        Reply::KeyReused => problems::key_reused(),
        Reply::InFlight => problems::in_flight(),
        Reply::Skipped => problems::skipped(),
        Reply::Unreadable => problems::unreadable(),
        Reply::Unknown => problems::outcome_unknown(),
    })
}

/// The value of the metric label `outcome`.
pub(super) fn outcome_label(reply: &Reply) -> &'static str {
    match reply {
        Reply::Done { replayed: false, .. } => "done",
        Reply::Done { replayed: true, .. } => "replayed",
        Reply::Rejected(rejection) => rejection.kind(),
        Reply::Would { .. } => "dry-run",
        Reply::KeyReused => "key-reused",
        Reply::InFlight => "in-flight",
        Reply::Skipped => "skipped",
        Reply::Unreadable => "unreadable",
        Reply::Unknown => "unknown",
    }
}

impl Success {
    /// The status code of the response.
    pub(super) fn status(&self, effect: Effect) -> StatusCode {
        match (self, effect) {
            (Success::Done { .. }, Effect::Created) => StatusCode::CREATED,
            (Success::Done { .. }, Effect::Changed) | (Success::DryRun { .. }, _) => StatusCode::OK,
        }
    }

    /// The response to a single command.
    pub(super) fn response(&self, effect: Effect, preference: Option<Preference>) -> Response<Body> {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status(effect);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, APPLICATION_JSON);
        let Success::Done { answer, replayed, state } = self else { return response };
        headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(answer.position.0));
        insert(headers, header::ETAG, format!("\"{}\"", answer.version));
        if *replayed {
            headers.insert(IDEMPOTENT_REPLAYED, TRUE);
        }
        if effect == Effect::Created {
            insert(headers, header::LOCATION, location(answer));
        }
        match preference {
            Some(Preference::Minimal) => insert(headers, PREFERENCE_APPLIED, "return=minimal".to_owned()),
            Some(Preference::Representation) if state.is_some() => {
                insert(headers, PREFERENCE_APPLIED, "return=representation".to_owned());
            }
            Some(Preference::Representation) | None => {}
        }
        response
    }

    fn json(&self) -> Vec<u8> {
        match self {
            Success::Done { answer, state, .. } => json(&CommandResult::of(answer, state.as_deref())),
            Success::DryRun { answer, events } => json(&DryRunResult::of(answer, events)),
        }
    }
}

impl<'a> CommandResult<'a> {
    pub(super) fn of(answer: &'a Answer, state: Option<&'a State>) -> Self {
        CommandResult {
            id: answer.stream.key(),
            code: answer.code.as_ref(),
            version: answer.version,
            position: answer.position,
            part: answer.numbers,
            shortage: state.and_then(shortage),
            state,
        }
    }
}

impl<'a> DryRunResult<'a> {
    pub(super) fn of(answer: &'a Answer, events: &'a [NewEvent]) -> Self {
        DryRunResult {
            dry_run: true,
            would: CommandResult::of(answer, None),
            events: events.iter().map(DryRunEvent::of).collect(),
        }
    }
}

impl<'a> DryRunEvent<'a> {
    fn of(new: &'a NewEvent) -> Self {
        let encoded = codec::encode(&new.event);
        let data = RawValue::from_string(encoded.payload).expect("the codec writes valid JSON");
        DryRunEvent { stream: new.stream.as_str(), r#type: encoded.event_type, data }
    }
}

fn shortage(state: &State) -> Option<i64> {
    match state {
        State::Stock(level) => Some(level.shortage()).filter(|shortage| *shortage > 0),
        State::Product(_) | State::Order(_) | State::Customer(_) | State::Email(_) | State::StockHold(_) => None,
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("a result is plain data with string keys")
}

/// Marks a response as the stored response to an earlier request.
pub(super) fn replayed(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, TRUE);
    response
}

/// Path of the changed or created resource in the query service.
fn location(answer: &Answer) -> String {
    let key = answer.stream.key();
    match answer.stream.category() {
        Category::Order => format!("/v1/orders/{key}"),
        Category::Product => format!("/v1/products/{key}"),
        Category::Customer => format!("/v1/customers/{key}"),
        Category::Stock => format!("/v1/stock/{}", key.split('@').next().unwrap_or(key)),
        Category::StockHold => format!("/v1/stock-holds/{key}"),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
