//! `GET /v1/orders/{id or order code}/events`. [`crate::reads::events`] reads them.

use ::events::cloudevents::CloudEvent;
use ::events::{StreamId, Version};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;

use super::{IdOrCode, parse_key};
use crate::http::app::App;
use crate::http::events::ERASED;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::problem_types::{INVALID_ORDER_KEY, ORDER_NOT_FOUND};
use crate::http::{documentation, problems};

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
    let (request, _) = PageRequest::read(app.clone(), uri, &headers, &PARAMETERS)?;
    let key = parse_key(&key)?;
    let after = request.after(|key| Some(Version(i32::from_be_bytes(key.try_into().ok()?))))?;
    let (after, consistency) = (after.unwrap_or(Version::NONE), request.consistency());
    let id = app.reads.orders.find_id(&key, consistency).await?.ok_or_else(|| problems::order_not_found(&key))?;
    let page = app.reads.events.read_stream(consistency, &StreamId::order(id), after, request.limit).await?;
    if request.is_list_empty(&page) {
        return Err(problems::order_not_found(&key));
    }
    request.respond_from_log(&page)
}
