//! Starts, pauses and resumes rebuilds. A rebuild that this process started is paused and resumed like any other, whichever
//! process runs it.

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::json::{self, Json};
use platform::openapi::{Header, Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::Projection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problems::OF_A_COMMAND;
use super::projections::{self, ProjectionStatus};
use super::state::{self, GenerationName, NoParameters, Ops, to_its_end};
use super::tasks::Kind;
use crate::frame::month::InvalidMonth;
use crate::operate::{self, Done, operate};
use crate::operator_error::OperatorError;
use crate::rebuild::selection::Selection;
use crate::rebuild::{Options, Plan};

/// Maximum number of parts of the log that are read at the same time: each uses two connections and one core.
const READERS_MAX: usize = 32;

/// Maximum number of events per second that can be set: no machine reaches it.
const THROTTLE_MAX: i64 = 1_000_000_000;

/// Maximum number of months of a rebuild.
const MONTHS_MAX: usize = 120;

/// What a rebuild folds, and how it runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RebuildRequest {
    /// Number of parts of the log that are read at the same time.
    #[serde(default = "readers")]
    #[schemars(range(min = 1, max = 32))]
    readers: usize,
    /// Fold only streams with an event at or after this position of the log, and copy the rows of others from the live
    /// generation. Not together with `months`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    from: Option<i64>,
    /// Fold only streams of these months (UTC), such as `2026-11`, and copy the rows of others from the live generation.
    /// For projections of orders and of stock holds.
    #[serde(default)]
    #[schemars(length(max = 120))]
    months: Vec<String>,
    /// Maximum number of events and copied rows per second; 0 for no limit. Without it, an interrupted rebuild keeps its
    /// limit.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    throttle: Option<i64>,
    /// Plan the rebuild and change nothing.
    #[serde(default)]
    dry_run: bool,
}

fn readers() -> usize {
    2
}

/// What a rebuild would do.
#[derive(Debug, Serialize, JsonSchema)]
struct RebuildPlan {
    /// The generation that would be created or continued.
    #[serde(flatten)]
    generation: GenerationName,
    /// Whether an interrupted rebuild would continue.
    continues: bool,
    /// Position up to which the log would be read.
    upto: i64,
    /// Number of segments of the log, or of steps of any kind if an interrupted rebuild would continue, that remain.
    segments: usize,
    /// Number of streams that would be folded, if a new rebuild folds some and not all.
    streams: Option<i64>,
    /// Number of rows that a new rebuild of some streams would copy from the live generation.
    copied_rows: Option<i64>,
}

/// Adds the routes of rebuilds.
pub(super) fn add_routes(routes: Routes<Ops>) -> Routes<Ops> {
    let location = Header::always::<String>("Location", "Path of the projection, whose `rebuild` shows the progress.");
    let rebuild = Operation::new("rebuild_projection", "Start or continue the rebuild of a projection")
        .paragraph(
            "Derives a new generation from the log, beside the live one. The rebuild runs in this process; if the process stops, \
             the next request continues the rebuild after its last segment. Afterwards verify and promote the generation.",
        )
        .path::<String>()
        .body::<RebuildRequest>()
        .example(serde_json::json!({ "readers": 2, "throttle": 50_000 }))
        .answers::<ProjectionStatus>(202, "The rebuild runs.", &[location])
        .answers::<RebuildPlan>(200, "With `dry_run`: what would be done.", &[])
        .refuses(OF_A_COMMAND);
    let pause = Operation::new("pause_rebuild", "Pause the rebuild of a projection")
        .paragraph("The rebuild waits after the segments that are being read, whichever process runs it.")
        .path::<String>()
        .body::<NoParameters>()
        .answers::<GenerationName>(200, "The generation whose rebuild is paused.", &[])
        .refuses(OF_A_COMMAND);
    let resume = Operation::new("resume_rebuild", "Resume the rebuild of a projection")
        .paragraph("A rebuild whose process has ended is continued by `rebuild`, not by this command.")
        .path::<String>()
        .body::<NoParameters>()
        .answers::<GenerationName>(200, "The generation whose rebuild continues.", &[])
        .refuses(OF_A_COMMAND);
    routes
        .route(Method::POST, "/v1/ops/projections/{name}/rebuild", self::rebuild, rebuild)
        .route(Method::POST, "/v1/ops/projections/{name}/pause", self::pause, pause)
        .route(Method::POST, "/v1/ops/projections/{name}/resume", self::resume, resume)
}

async fn rebuild(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(request): Json<RebuildRequest>,
) -> Result<Response, Problem> {
    let projection = state::projection(name)?;
    let options = options(&ops, &request)?;
    if request.dry_run {
        let planned = to_its_end(operate(projection.name(), operate::Operation::Plan(options))).await?;
        let Done::Planned(plan) = planned else { return Err(unexpected(projection)) };
        let generation = plan.generation.into();
        let copied_rows = plan.copies.map(|copies| copies.rows);
        let Plan { continues, upto, segments, streams, .. } = plan;
        let plan = RebuildPlan { generation, continues, upto: upto.0, segments, streams, copied_rows };
        return Ok(Json(plan).into_response());
    }
    let operation = |progress| operate::Operation::Rebuild(options, progress);
    let tasks = ops.tasks.clone();
    tasks.start(projection, Kind::Rebuild, operation).await?;
    accepted(projection, "", projections::find(&ops, projection).await?)
}

fn options(ops: &Ops, request: &RebuildRequest) -> Result<Options, Problem> {
    if !(1..=READERS_MAX).contains(&request.readers) {
        return Err(json::invalid("/readers", &format!("must be from 1 to {READERS_MAX}")));
    }
    if request.throttle.is_some_and(|throttle| !(0..=THROTTLE_MAX).contains(&throttle)) {
        return Err(json::invalid("/throttle", &format!("must be from 0 to {THROTTLE_MAX}")));
    }
    Ok(Options {
        database_url: ops.database_url.clone(),
        source_url: ops.source_url.clone(),
        selection: selection(request)?,
        readers: request.readers,
        segment_events: ops.segment_events,
        throttle: request.throttle,
    })
}

fn selection(request: &RebuildRequest) -> Result<Selection, Problem> {
    if request.from.is_some_and(|position| position < 1) {
        return Err(json::invalid("/from", "must be a position of the log, from 1"));
    }
    if request.from.is_some() && !request.months.is_empty() {
        return Err(json::invalid("/months", "cannot be combined with `from`"));
    }
    if request.months.len() > MONTHS_MAX {
        return Err(json::invalid("/months", &format!("must have at most {MONTHS_MAX} months")));
    }
    let months = request.months.iter().enumerate().map(|(index, month)| {
        month.parse().map_err(|error: InvalidMonth| json::invalid(&format!("/months/{index}"), &error.to_string()))
    });
    Ok(Selection::of(request.from, months.collect::<Result<_, _>>()?))
}

fn unexpected(projection: Projection) -> Problem {
    OperatorError::Failed(anyhow::anyhow!("unexpected result of a command on {}", projection.name())).into()
}

/// The response 202; `part` is the part of the projection that shows the result.
pub(super) fn accepted(projection: Projection, part: &'static str, body: impl Serialize) -> Result<Response, Problem> {
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let location = format!("/v1/ops/projections/{}{part}", projection.name());
    let location = HeaderValue::try_from(location).expect("names of projections are valid in headers");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

async fn pause(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(NoParameters {}): Json<NoParameters>,
) -> Result<Json<GenerationName>, Problem> {
    set_paused(ops, name, true).await
}

async fn resume(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(NoParameters {}): Json<NoParameters>,
) -> Result<Json<GenerationName>, Problem> {
    set_paused(ops, name, false).await
}

async fn set_paused(ops: Ops, name: Path<String>, paused: bool) -> Result<Json<GenerationName>, Problem> {
    let name = state::projection(name)?.name();
    let changed = to_its_end(async move { operate::set_paused(&ops.database_url, name, paused).await }).await?;
    Ok(Json(changed.into()))
}
