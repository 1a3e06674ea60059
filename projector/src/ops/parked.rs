//! Shows and retries parked streams, and skips their events.

use axum::extract::State;
use axum::http::Method;
use events::Position;
use platform::json::{self, Json};
use platform::openapi::{Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::Generation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problems::{self, OF_A_COMMAND, OF_A_PROJECTION};
use super::state::{self, NoParameters, Ops, to_its_end};
use crate::operator_error::OperatorError;
use crate::parked_list::{self, ParkedStream, SkippedEvent};
use crate::retry::{RetryOutcome, Selected, retry};
use crate::skip::{Skip, SkipOutcome, skip};

/// The parked streams of a projection, and the events that operators have skipped: at most 1,000 of each.
#[derive(Debug, Serialize, JsonSchema)]
struct ParkedStreams {
    /// The parked streams, oldest first.
    parked: Vec<ParkedStream>,
    /// The skipped events, latest first, with those of removed generations.
    skipped: Vec<SkippedEvent>,
}

/// The event that is skipped, with who skips it and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SkipRequest {
    /// Who skips the event.
    #[schemars(length(min = 1, max = 500))]
    by: String,
    /// Why the event is skipped.
    #[schemars(length(min = 1, max = 500))]
    reason: String,
    /// The position at which the stream must be parked. With it the request can be repeated safely; without it a repeated
    /// request may skip the next event that cannot be applied.
    #[serde(default)]
    position: Option<i64>,
}

/// What happened to a stream, in each generation in which it was parked.
#[derive(Debug, Serialize, JsonSchema)]
struct StreamOutcomes {
    /// Id of the stream.
    stream_id: String,
    /// The outcome in each generation.
    outcomes: Vec<StreamOutcome>,
}

/// What happened to a stream in one generation.
#[derive(Debug, Serialize, JsonSchema)]
struct StreamOutcome {
    /// Number of the generation.
    generation: i32,
    /// Position of the event that is skipped; missing if no event is skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_position: Option<i64>,
    /// State of the stream.
    state: StreamState,
    /// Number of events that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    events_applied: Option<usize>,
    /// Reason why the stream is still parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// State of a stream after a command.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StreamState {
    /// New events are applied.
    Resumed,
    /// An event cannot be applied.
    StillParked,
    /// The stream was not parked.
    NotParked,
}

/// Adds the routes of parked streams.
pub(super) fn add_routes(routes: Routes<Ops>) -> Routes<Ops> {
    let list = Operation::new("list_parked_streams", "List the parked streams and the skipped events of a projection")
        .path::<String>()
        .answers::<ParkedStreams>(200, "The parked streams and the skipped events.", &[])
        .refuses(OF_A_PROJECTION);
    let retry = Operation::new("retry_parked_stream", "Retry a parked stream")
        .path::<(String, String)>()
        .body::<NoParameters>()
        .answers::<StreamOutcomes>(200, "The outcome in each generation.", &[])
        .refuses(OF_A_COMMAND);
    let skip = Operation::new("skip_parked_event", "Skip the event at which a stream is parked")
        .paragraph(
            "The stream is retried first, and an event that can be applied is applied. Otherwise the event is recorded with who \
             skipped it and why, the generation goes on as if the event had no effect, and the events after it are applied. If \
             one of them cannot be applied without it, the stream is parked at that event. A rebuild tries skipped events again.",
        )
        .path::<(String, String)>()
        .body::<SkipRequest>()
        .example(serde_json::json!({ "by": "mara", "reason": "duplicate of position 17", "position": 42 }))
        .answers::<StreamOutcomes>(200, "The outcome in each generation.", &[])
        .refuses(OF_A_COMMAND);
    routes
        .get("/v1/ops/projections/{name}/parked", self::list, list)
        .route(Method::POST, "/v1/ops/projections/{name}/parked/{stream}/retry", self::retry_stream, retry)
        .route(Method::POST, "/v1/ops/projections/{name}/parked/{stream}/skip", self::skip_event, skip)
}

async fn list(State(ops): State<Ops>, name: Path<String>) -> Result<Json<ParkedStreams>, Problem> {
    let name = Some(state::projection(name)?.name());
    let parked = parked_list::list(&ops.database_url, name).await.map_err(problems::of_store)?;
    let skipped = parked_list::list_skipped(&ops.database_url, name).await.map_err(problems::of_store)?;
    Ok(Json(ParkedStreams { parked, skipped }))
}

async fn retry_stream(
    State(ops): State<Ops>,
    Path((name, stream)): Path<(String, String)>,
    Json(NoParameters {}): Json<NoParameters>,
) -> Result<Json<StreamOutcomes>, Problem> {
    let (projection, stream_id) = (state::projection(Path(name))?, state::stream(&stream)?);
    to_its_end(async move {
        let mut outcomes = Vec::new();
        let mut report = |generation: Generation, _: &str, outcome: &RetryOutcome| {
            outcomes.push(StreamOutcome::of(generation, None, outcome));
        };
        let selected = Selected { projection: Some(projection), stream: Some(&stream_id) };
        match retry(&ops.database_url, selected, &mut report).await? {
            true => Ok(Json(StreamOutcomes { stream_id: stream_id.to_string(), outcomes })),
            false => Err(OperatorError::NotFound(format!("{stream_id} is not parked in {}", projection.name()))),
        }
    })
    .await
}

async fn skip_event(
    State(ops): State<Ops>,
    Path((name, stream)): Path<(String, String)>,
    Json(SkipRequest { by, reason, position }): Json<SkipRequest>,
) -> Result<Json<StreamOutcomes>, Problem> {
    let (projection, stream_id) = (state::projection(Path(name))?, state::stream(&stream)?);
    if position.is_some_and(|position| position < 1) {
        return Err(json::invalid("/position", "must be 1 or more"));
    }
    to_its_end(async move {
        let mut outcomes = Vec::new();
        let mut report = |generation: Generation, outcome: &SkipOutcome| {
            let (skipped, retried) = match outcome {
                SkipOutcome::Skipped(position, now) | SkipOutcome::AlreadySkipped(position, now) => {
                    (Some(*position), now)
                }
                SkipOutcome::NotNeeded(now) => (None, now),
            };
            outcomes.push(StreamOutcome::of(generation, skipped, retried));
        };
        let (projection, position) = (Some(projection), position.map(Position));
        let request = Skip { stream: &stream_id, projection, position, by: &by, reason: &reason };
        skip(&ops.database_url, request, &mut report).await?;
        Ok(Json(StreamOutcomes { stream_id: stream_id.to_string(), outcomes }))
    })
    .await
}

impl StreamOutcome {
    fn of(generation: Generation, skipped: Option<Position>, outcome: &RetryOutcome) -> StreamOutcome {
        let (state, events_applied, reason) = match outcome {
            RetryOutcome::Resumed(events) => (StreamState::Resumed, Some(*events), None),
            RetryOutcome::StillParked(reason) => (StreamState::StillParked, None, Some(reason.clone())),
            RetryOutcome::NotParked => (StreamState::NotParked, None, None),
        };
        let skipped_position = skipped.map(|position| position.0);
        StreamOutcome { generation: generation.number, skipped_position, state, events_applied, reason }
    }
}
