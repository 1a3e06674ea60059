//! `GET /v1/commands/{key}`: the outcome of a command by its idempotency key, for clients that lost the response and do not want to
//! repeat the command.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use events::{Position, Recorded, Version};
use platform::json::Json;
use platform::openapi::{Header, Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::parameters::IdempotencyKey;
use super::problem_types::{IDEMPOTENCY_KEY_INVALID, LOG_UNREACHABLE, STARTING, UNKNOWN_KEY, UNREADABLE};
use super::problems;
use super::request_headers::unquoted;
use super::responses::CommandResult;
use super::state::HttpState;
use crate::writer::key::Key;
use crate::writer::{FindError, Outcome};

/// The outcome of a command that took effect.
#[derive(Serialize, JsonSchema)]
struct CommandOutcome<'a> {
    /// The result that the command returned.
    answer: CommandResult<'a>,
    /// The events that the command appended, in the order of the log.
    events: Vec<RecordedEvent<'a>>,
}

/// An event of the log.
#[derive(Serialize, JsonSchema)]
struct RecordedEvent<'a> {
    /// Id of the event's stream.
    stream: &'a str,
    /// Version of the event in its stream, starting at 1.
    version: Version,
    /// Position of the event in the log.
    position: Position,
    /// Event type, such as `OrderPlaced`.
    r#type: &'a str,
    /// Version of the schema of `data`, starting at 1.
    schema_version: i16,
    /// Instant at which the event occurred.
    occurred_at: DateTime<Utc>,
    /// Whether personal data was removed from `data`, because the order or the customer was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    personal_data_erased: bool,
    /// Payload of the event, as defined by the JSON Schema of its type.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: &'a RawValue,
}

/// The command has not been decided yet.
#[derive(Serialize, JsonSchema)]
struct CommandInFlight {
    /// Always `true`.
    in_flight: bool,
}

/// Adds the route of outcomes.
pub(super) fn add_route(routes: Routes<HttpState>) -> Routes<HttpState> {
    let operation = Operation::new("show_command", "Get the outcome of a command by idempotency key")
        .path::<IdempotencyKey>()
        .answers::<CommandOutcome>(200, "The command took effect.", &[])
        .answers::<CommandInFlight>(
            202,
            "The command is being decided.",
            &[Header::always::<u64>("Retry-After", "Seconds to wait before the next request.")],
        )
        .refuses([IDEMPOTENCY_KEY_INVALID, UNKNOWN_KEY, UNREADABLE, STARTING, LOG_UNREACHABLE]);
    routes.get("/v1/commands/{key}", show, operation)
}

async fn show(State(state): State<HttpState>, Path(key): Path<String>) -> Result<Response, Problem> {
    let id = Key::id_of(unquoted(&key)).map_err(|error| problems::invalid_key(&error))?;
    match state.mailbox()?.find(id).await {
        Ok(Outcome::Done { answer, events, erased }) => {
            let events = events.iter().map(|event| recorded_event(event, erased.contains(&event.position)));
            let events = events.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
            Ok(Json(CommandOutcome { answer: CommandResult::of(&answer, None), events }).into_response())
        }
        Ok(Outcome::InFlight) => {
            let retry_after = [(header::RETRY_AFTER, HeaderValue::from(1))];
            Ok((StatusCode::ACCEPTED, retry_after, Json(CommandInFlight { in_flight: true })).into_response())
        }
        Ok(Outcome::Unknown) => Err(problems::unknown_key()),
        Err(FindError::Down) => Err(problems::log_unreachable()),
        Err(FindError::Log(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot read the outcome of a command from the log"
            );
            Err(problems::log_unreachable())
        }
        Err(FindError::Decode(error)) => Err(unreadable(&error)),
    }
}

fn recorded_event(recorded: &Recorded, personal_data_erased: bool) -> serde_json::Result<RecordedEvent<'_>> {
    Ok(RecordedEvent {
        stream: recorded.stream.as_str(),
        version: recorded.version,
        position: recorded.position,
        r#type: &recorded.event_type,
        schema_version: recorded.schema_version,
        occurred_at: recorded.occurred_at(),
        personal_data_erased,
        data: serde_json::from_str(&recorded.payload)?,
    })
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "cannot decode the events of a command");
    problems::unreadable()
}
