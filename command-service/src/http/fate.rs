//! `GET /v1/commands/{key}`: what became of a command, for those who lost its answer and do not want to repeat it.

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

use super::reply::Answered;
use super::{MailboxSlot, asked, problems};
use crate::writer::key::Key;
use crate::writer::{FindError, Outcome};

/// What a command that took effect did.
#[derive(Serialize, JsonSchema)]
struct Found<'a> {
    /// The answer that it got.
    answer: Answered<'a>,
    /// What it wrote, in the log's order.
    events: Vec<Written<'a>>,
}

/// An event of the log.
#[derive(Serialize, JsonSchema)]
struct Written<'a> {
    /// To what.
    stream: &'a str,
    /// Number in the stream.
    version: Version,
    /// Place in the log.
    position: Position,
    /// What happened, such as `OrderPlaced`.
    r#type: &'a str,
    /// Shape of `data`, from 1.
    schema_version: i16,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// Whether personal data was left out of `data` because the order or the customer was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    personal_data_erased: bool,
    /// What is said of it; see the event's own JSON Schema.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: &'a RawValue,
}

/// It is not decided yet.
#[derive(Serialize, JsonSchema)]
struct Pending {
    /// Always `true`.
    in_flight: bool,
}

/// An idempotency key in a path.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct KeyText(#[schemars(length(min = 1, max = 255), regex(pattern = r"^[!-~]+$"))] String);

pub(super) fn routes() -> Routes<MailboxSlot> {
    let operation = Operation::new("show_command", "What became of the command with this idempotency key")
        .path::<KeyText>()
        .answers::<Found>(200, "It took effect.", &[])
        .answers::<Pending>(202, "It is being decided.", &[Header::always::<u64>("Retry-After", "Seconds to wait.")])
        .refuses([(400, "idempotency-key-invalid"), (404, "unknown-key"), (500, "unreadable")])
        .refuses([(503, "starting"), (503, "log-unreachable")]);
    Routes::about("commands", "Many commands at once, and what became of one.").get(
        "/v1/commands/{key}",
        show,
        operation,
    )
}

async fn show(slot: State<MailboxSlot>, Path(key): Path<String>) -> Result<Response, Problem> {
    let id = Key::id_of(asked::bare(&key)).map_err(|error| problems::invalid_key(&error))?;
    let mailbox = slot.get().ok_or_else(problems::starting)?;
    match mailbox.find(id).await {
        Ok(Outcome::Done { answer, events, erased }) => {
            let written = events.iter().map(|event| written(event, erased.contains(&event.position)));
            let events = written.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
            Ok(Json(Found { answer: Answered::of(&answer, None), events }).into_response())
        }
        Ok(Outcome::InFlight) => {
            let retry_after = [(header::RETRY_AFTER, HeaderValue::from(1))];
            Ok((StatusCode::ACCEPTED, retry_after, Json(Pending { in_flight: true })).into_response())
        }
        Ok(Outcome::Unknown) => Err(problems::unknown_key()),
        Err(FindError::Down) => Err(problems::log_unreachable()),
        Err(FindError::Log(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot look for a command in the log");
            Err(problems::log_unreachable())
        }
        Err(FindError::Decode(error)) => Err(unreadable(&error)),
    }
}

fn written(recorded: &Recorded, personal_data_erased: bool) -> serde_json::Result<Written<'_>> {
    Ok(Written {
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
    tracing::error!(%error, "what a command wrote cannot be read");
    problems::unreadable()
}
