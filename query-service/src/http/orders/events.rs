//! `GET /v1/orders/{id or order code}/events`. [`crate::reads::events`] reads them.

use ::events::StreamId;
use ::events::cloudevents::CloudEvent;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;

use super::IdOrCode;
use super::page_of_order::PageOfOrder;
use crate::http::app::App;
use crate::http::documentation;
use crate::http::events::ERASED;
use crate::http::problem_types::{INVALID_ORDER_KEY, ORDER_NOT_FOUND};

/// The route of the events of an order.
pub(in crate::http) fn routes() -> Routes<App> {
    let show = documentation::list::<CloudEvent>("list_order_events", "List the events of an order, oldest first", [])
        .path::<IdOrCode>()
        .paragraph(ERASED)
        .refuses([INVALID_ORDER_KEY.documented(), ORDER_NOT_FOUND.documented()]);
    super::group().get("/v1/orders/{key}/events", self::show, show)
}

async fn show(
    State(app): State<App>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of_order = PageOfOrder::read(&app, &key, uri, &headers).await?;
    let PageOfOrder { request, id, after, .. } = &of_order;
    let stream = StreamId::order(*id);
    let page = app.reads.events.read_stream(request.consistency(), &stream, *after, request.limit).await?;
    request.respond_from_log(&of_order.found(page)?)
}
