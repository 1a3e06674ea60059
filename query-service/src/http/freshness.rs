//! `GET /v1/freshness`: how far the projections are behind the log.

use std::sync::Arc;

use axum::extract::State;
use platform::json::Json;
use platform::openapi::{Operation, Routes};
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{FRESHNESS_UNKNOWN, INVALID_CONSISTENCY_TOKEN, INVALID_QUERY};
use crate::http::problems;
use crate::reads::latest::FreshnessReport;

/// The route of the freshness report.
pub(super) fn routes() -> Routes<App> {
    let show = Operation::new("show_freshness", "Get the freshness of the projections")
        .answers::<FreshnessReport>(200, "The latest observation of the database that serves reads.", &[])
        .refuses([INVALID_QUERY.documented(), INVALID_CONSISTENCY_TOKEN.documented(), FRESHNESS_UNKNOWN.documented()]);
    Routes::about("freshness", "How far the projections are behind the log.").get("/v1/freshness", self::show, show)
}

async fn show(State(app): State<App>, _: Preconditions) -> Result<Json<Arc<FreshnessReport>>, Problem> {
    app.reads.latest.report().map(Json).ok_or_else(problems::freshness_unknown)
}
