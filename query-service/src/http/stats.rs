//! `GET /v1/stats`: statistics for a dashboard. [`crate::reads::stats`] reads and caches them.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use chrono_tz::Tz;
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::documentation::{self, Text};
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::reports::parameters::TIME_ZONE;
use crate::http::respond::respond;
use crate::reads::stats::document::Statistics;

/// The route of the statistics.
pub(super) fn routes() -> Routes<App> {
    let time_zone = Parameter::query::<Text>(
        "timezone",
        "Time zone in which days begin (IANA time zone database); UTC by default.",
    );
    let show = documentation::document::<Statistics>("show_stats", "Get statistics for a dashboard")
        .takes([time_zone])
        .paragraph(
            "Results are kept in the memory of the service and are up to 30 seconds old, unless a `Consistency-Token` requires \
             newer data. `Projection-Lag-Ms` includes the age of the result.",
        );
    Routes::about("stats", "Statistics for a dashboard.").get("/v1/stats", self::show, show)
}

async fn show(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    let parameters = Parameters::read(&uri, &["timezone"])?;
    let zone = parameters.parsed("timezone", TIME_ZONE, |name| name.parse::<Tz>().ok())?.unwrap_or(Tz::UTC);
    let found = app.reads.stats.find(zone, preconditions.consistency.as_ref()).await?;
    Ok(respond(&found.representation, &preconditions, found.lag_header()))
}
