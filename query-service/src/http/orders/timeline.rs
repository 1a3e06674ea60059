//! `GET /v1/orders/{id or order code}/timeline`. [`crate::reads::orders::timeline`] reads it.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::{Projection, TimelineEntry};

use super::IdOrCode;
use super::page_of_order::PageOfOrder;
use crate::http::app::App;
use crate::http::documentation;
use crate::http::problem_types::{INVALID_ORDER_KEY, ORDER_NOT_FOUND};
use crate::reads::orders::timeline::read_timeline;

/// The route of timelines.
pub(in crate::http) fn routes() -> Routes<App> {
    let summary = "List the events of an order in sentences, oldest first";
    let show = documentation::list::<TimelineEntry>("show_order_timeline", summary, [])
        .path::<IdOrCode>()
        .paragraph("The sentences contain no personal data.")
        .refuses([INVALID_ORDER_KEY.documented(), ORDER_NOT_FOUND.documented()]);
    super::group().get("/v1/orders/{key}/timeline", self::show, show)
}

async fn show(
    State(app): State<App>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of_order = PageOfOrder::read(&app, &key, uri, &headers).await?;
    let PageOfOrder { request, id, after, .. } = &of_order;
    let page = read_timeline(request.database(), request.consistency(), *id, *after, request.limit).await?;
    request.respond(Projection::ORDER_TIMELINE, &of_order.found(page)?)
}
