//! The admin interface of a service, on a separate port: `/health/live`, `/health/ready`, `/metrics`. Serve the router with
//! [`crate::server::serve`] and [`crate::server::Limits::admin`], and stop it last.

use crate::health::Health;
use crate::json::Json;
use crate::metrics::Handle;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// Media type of the Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The admin routes.
pub fn router(health: Health, metrics: Handle) -> Router {
    Router::new()
        .route("/health/live", get(async || Json(serde_json::json!({ "status": "alive" }))))
        .route("/health/ready", get(async move || ready(&health)))
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, METRICS_TYPE)], metrics.render())))
}

fn ready(health: &Health) -> impl IntoResponse + use<> {
    let report = health.report();
    let status = match report.status.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}
