//! `GET /v1/ops/projections` and `GET /v1/ops/projections/{name}`.

use axum::extract::State;
use platform::json::Json;
use platform::openapi::{Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::Projection;
use schemars::JsonSchema;
use serde::Serialize;

use super::problems::{self, OF_A_PROJECTION, OF_ANY_REQUEST};
use super::state::{self, Ops};
use super::tasks::{Kind, TaskStatus};
use crate::frame::ReadModel;
use crate::projections::{WithReadModel, with_read_model};
use crate::status::{self, GenerationStatus};

/// All projections.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProjectionList {
    /// The projections of this build.
    projections: Vec<ProjectionStatus>,
    /// Generations of projections that this build does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<GenerationStatus>,
}

/// A projection.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProjectionStatus {
    /// Name of the projection.
    name: &'static str,
    /// Version of fold and tables in this build: it applies events to generations with this version only.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    /// Its generations, by number.
    generations: Vec<GenerationStatus>,
    /// The rebuild that runs in this process, or the last one that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuild: Option<TaskStatus>,
    /// The verification that runs in this process, or the last one that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<TaskStatus>,
}

/// Adds the routes of the state.
pub(super) fn add_routes(routes: Routes<Ops>) -> Routes<Ops> {
    let list = Operation::new("list_projections", "List the projections with their generations")
        .answers::<ProjectionList>(200, "The projections.", &[])
        .refuses(OF_ANY_REQUEST);
    let show = Operation::new("show_projection", "Get a projection with its generations")
        .paragraph("While a rebuild runs in this process, `rebuild` has its progress, rate and remaining time.")
        .path::<String>()
        .answers::<ProjectionStatus>(200, "The projection.", &[])
        .refuses(OF_A_PROJECTION);
    routes.get("/v1/ops/projections", self::list, list).get("/v1/ops/projections/{name}", self::show, show)
}

async fn list(State(ops): State<Ops>) -> Result<Json<ProjectionList>, Problem> {
    let all = status::list(&ops.database_url).await.map_err(problems::of_store)?;
    let (known, unknown): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|generation| Projection::find(&generation.projection).is_some());
    let projections = Projection::ALL.iter().map(|projection| of(&ops, *projection, &known));
    Ok(Json(ProjectionList { projections: projections.collect(), unknown }))
}

async fn show(State(ops): State<Ops>, name: Path<String>) -> Result<Json<ProjectionStatus>, Problem> {
    Ok(Json(find(&ops, state::projection(name)?).await?))
}

/// The state of a projection.
pub(super) async fn find(ops: &Ops, projection: Projection) -> Result<ProjectionStatus, Problem> {
    let all = status::list(&ops.database_url).await.map_err(problems::of_store)?;
    Ok(of(ops, projection, &all))
}

fn of(ops: &Ops, projection: Projection, all: &[GenerationStatus]) -> ProjectionStatus {
    let own = all.iter().filter(|generation| generation.projection == projection.name());
    ProjectionStatus {
        name: projection.name(),
        version: with_read_model(projection, Version),
        generations: own.cloned().collect(),
        rebuild: ops.tasks.find(projection, Kind::Rebuild),
        verification: ops.tasks.find(projection, Kind::Verification),
    }
}

/// The version of a read model in this build.
struct Version;

impl WithReadModel for Version {
    type Output = i32;

    fn call<M: ReadModel>(self) -> i32 {
        M::VERSION
    }
}
