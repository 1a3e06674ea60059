//! Promotes, rolls back and retires generations.

use axum::extract::State;
use axum::http::Method;
use platform::json::{self, Json};
use platform::openapi::{Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problems::{OF_A_COMMAND, UNSAFE_PROMOTION};
use super::state::{self, GenerationName, NoParameters, Ops, to_its_end};
use crate::operate::{self, Done, operate};
use crate::operator_error::OperatorError;
use crate::promote::Check;

/// How a generation is promoted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PromoteRequest {
    /// Promote a generation that is not verified, differs from the log, or is behind the live one.
    #[serde(default)]
    force: bool,
}

/// The generation that is retired.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RetireRequest {
    /// Number of the generation.
    generation: i32,
}

/// The generation that is live now.
#[derive(Debug, Serialize, JsonSchema)]
struct LiveGeneration {
    /// The generation that is live now.
    live: GenerationName,
    /// The generation that was live before; it is kept and followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<GenerationName>,
}

/// Adds the routes of generations.
pub(super) fn add_routes(routes: Routes<Ops>) -> Routes<Ops> {
    let promote = Operation::new("promote_generation", "Make the rebuilt generation live")
        .paragraph(
            "The generation must be verified and contain what the live one contains, unless the promotion is forced.",
        )
        .path::<String>()
        .body::<PromoteRequest>()
        .example(serde_json::json!({ "force": false }))
        .answers::<LiveGeneration>(200, "The generation is live.", &[])
        .refuses(OF_A_COMMAND)
        .refuses([UNSAFE_PROMOTION]);
    let rollback = Operation::new("roll_back_generation", "Make the generation that was live before live again")
        .path::<String>()
        .body::<NoParameters>()
        .answers::<LiveGeneration>(200, "The generation is live.", &[])
        .refuses(OF_A_COMMAND);
    let retire = Operation::new("retire_generation", "Remove a generation that is not live, with its tables")
        .path::<String>()
        .body::<RetireRequest>()
        .example(serde_json::json!({ "generation": 1 }))
        .answers::<GenerationName>(200, "The generation is removed.", &[])
        .refuses(OF_A_COMMAND);
    routes
        .route(Method::POST, "/v1/ops/projections/{name}/promote", self::promote, promote)
        .route(Method::POST, "/v1/ops/projections/{name}/rollback", self::rollback, rollback)
        .route(Method::POST, "/v1/ops/projections/{name}/retire", self::retire, retire)
}

async fn promote(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(request): Json<PromoteRequest>,
) -> Result<Json<LiveGeneration>, Problem> {
    let check = if request.force { Check::None } else { Check::All };
    swap(name, operate::Operation::Promote(ops.database_url, check)).await
}

async fn rollback(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(NoParameters {}): Json<NoParameters>,
) -> Result<Json<LiveGeneration>, Problem> {
    swap(name, operate::Operation::Rollback(ops.database_url)).await
}

async fn swap(name: Path<String>, operation: operate::Operation) -> Result<Json<LiveGeneration>, Problem> {
    let name = state::projection(name)?.name();
    match to_its_end(operate(name, operation)).await? {
        Done::Live(live, former) => Ok(Json(LiveGeneration { live: live.into(), former: former.map(Into::into) })),
        _ => Err(OperatorError::Failed(anyhow::anyhow!("unexpected result of a command on {name}")).into()),
    }
}

async fn retire(
    State(ops): State<Ops>,
    name: Path<String>,
    Json(RetireRequest { generation }): Json<RetireRequest>,
) -> Result<Json<GenerationName>, Problem> {
    let name = state::projection(name)?.name();
    if generation < 1 {
        return Err(json::invalid("/generation", "must be 1 or more"));
    }
    to_its_end(operate(name, operate::Operation::Retire(ops.database_url, generation))).await?;
    Ok(Json(GenerationName { projection: name, generation }))
}
