//! Starts verifications and shows their reports.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use chrono::{DateTime, Utc};
use platform::json::{self, Json};
use platform::openapi::{Operation, Parameter, Routes};
use platform::params::{Path, Query};
use platform::problem::{Problem, types};
use read_model::Projection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::problems::{self, OF_A_COMMAND, OF_A_PROJECTION};
use super::rebuilds::accepted;
use super::state::{self, Ops};
use super::tasks::{Kind, TaskStatus};
use crate::operate;
use crate::operator_error::OperatorError;
use crate::status;
use crate::verify::{Options, Report};

/// Number of parts of the log that are read at the same time.
const READERS: usize = 2;

/// What is verified.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VerifyRequest {
    /// Number of the generation; without it the rebuilt one, or the live one if there is none.
    #[serde(default)]
    generation: Option<i32>,
}

/// The verification of a projection.
#[derive(Debug, Serialize, JsonSchema)]
struct Verification {
    /// The verification that runs in this process, or the last one that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskStatus>,
    /// Instant of the last verification that was completed by any process.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<DateTime<Utc>>,
    /// The report of this verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Report>")]
    report: Option<Box<RawValue>>,
}

/// Adds the routes of verifications.
pub(super) fn add_routes(routes: Routes<Ops>) -> Routes<Ops> {
    let location = platform::openapi::Header::always::<String>(
        "Location",
        "Path of the verification with its progress and report.",
    );
    let verify = Operation::new("verify_projection", "Start a verification of a generation")
        .paragraph(
            "Compares the tables of the generation with an independent fold of the log. The verification runs in this process; \
             the result is stored with the generation.",
        )
        .path::<String>()
        .body::<VerifyRequest>()
        .example(serde_json::json!({ "generation": 2 }))
        .answers::<Verification>(202, "The verification runs.", &[location])
        .refuses(OF_A_COMMAND);
    let show = Operation::new("show_verification", "Get the report of the last verification")
        .paragraph("The report has the first rows that differ, with the stored and the expected value of each differing column.")
        .path::<String>()
        .takes([Parameter::query::<i32>("generation", "Number of the generation; without it the one that was verified last.")])
        .answers::<Verification>(200, "The verification.", &[])
        .refuses(OF_A_PROJECTION)
        .refuses([types::INVALID_QUERY]);
    routes.route(Method::POST, "/v1/ops/projections/{name}/verify", self::verify, verify).get(
        "/v1/ops/projections/{name}/verification",
        self::show,
        show,
    )
}

async fn verify(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(request): Json<VerifyRequest>,
) -> Result<Response, Problem> {
    let projection = state::projection(name)?;
    if request.generation.is_some_and(|generation| generation < 1) {
        return Err(json::invalid("/generation", "must be 1 or more"));
    }
    let options = Options {
        database_url: ops.database_url.clone(),
        source_url: ops.source_url.clone(),
        readers: READERS,
        segment_events: ops.segment_events,
    };
    let operation = |progress| operate::Operation::Verify(request.generation, options, progress);
    ops.tasks.start(projection, Kind::Verification, operation).await?;
    accepted(projection, "/verification", find(&ops, projection, request.generation).await?)
}

/// Query parameters of a report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParameters {
    generation: Option<i32>,
}

async fn show(
    State(ops): State<Ops>,
    name: Path<String>,
    Query(parameters): Query<ReportParameters>,
) -> Result<Json<Verification>, Problem> {
    let projection = state::projection(name)?;
    let found = find(&ops, projection, parameters.generation).await?;
    match (parameters.generation, &found) {
        (Some(number), Verification { report: None, .. }) => {
            let none = format!("there is no report of a verification of {} generation {number}", projection.name());
            Err(OperatorError::NotFound(none).into())
        }
        _ => Ok(Json(found)),
    }
}

async fn find(ops: &Ops, projection: Projection, generation: Option<i32>) -> Result<Verification, Problem> {
    let stored = status::find_report(&ops.database_url, projection, generation).await.map_err(problems::of_store)?;
    let task = ops.tasks.find(projection, Kind::Verification);
    let (verified_at, report) = stored.unzip();
    Ok(Verification { task, verified_at, report })
}
