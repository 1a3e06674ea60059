//! `GET /v1/orders/{id or order code}/timeline`. [`crate::reads::orders::timeline`] reads it.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::Version;
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::{Projection, TimelineEntry};

use super::{IdOrCode, parse_key};
use crate::http::app::App;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::problem_types::{INVALID_ORDER_KEY, ORDER_NOT_FOUND};
use crate::http::{documentation, problems};
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
    let (request, _) = PageRequest::read(app.clone(), uri, &headers, &PARAMETERS)?;
    let key = parse_key(&key)?;
    let after = request.after(|key| Some(Version(i32::from_be_bytes(key.try_into().ok()?))))?;
    let (after, consistency) = (after.unwrap_or(Version::NONE), request.consistency());
    let id = app.reads.orders.find_id(&key, consistency).await?.ok_or_else(|| problems::order_not_found(&key))?;
    let page = read_timeline(request.database(), consistency, id, after, request.limit).await?;
    // Every order has an entry from its first event on, so an empty list means that the order does not exist.
    if request.is_list_empty(&page) {
        return Err(problems::order_not_found(&key));
    }
    request.respond(Projection::ORDER_TIMELINE, &page)
}
