//! The HTTP layer: routes, parameters, responses and their documentation. Built on `crate::reads`; the only layer that creates
//! problem responses.
//!
//! - [`orders`], [`customers`], [`customer_search`], [`products`], [`stock`], [`stock_holds`], [`events`], [`reports`], [`stats`], [`freshness`], [`schemas`]: one file per resource, with routes and handlers.
//! - [`exports`] and [`export_schedules`]: exports to files, of what [`export_query`] parses, with [`signed_link`]s and [`exports_state`].
//! - [`app`]: the state shared by all handlers.
//! - [`preconditions`]: `Consistency-Token`, `Prefer` and `If-None-Match`; [`parameters`]: query parameters.
//! - [`event_stream`]: responses with Server-Sent Events.
//! - [`page`] and [`cursor`]: pages of lists; [`respond`]: responses with `ETag` and position; [`catalogue_caching`]: which responses
//!   shared caches may store; [`content_coding`]: which clients receive compressed responses.
//! - [`problem_types`] and [`problems`]: all problem responses; [`documentation`]: what OpenAPI says of every query.

pub mod app;
pub mod catalogue_caching;
mod content_coding;
pub mod cursor;
mod customer_search;
mod customers;
pub mod documentation;
pub mod event_stream;
mod events;
mod export_problems;
pub mod export_query;
pub(crate) mod export_schedules;
pub(crate) mod exports;
pub mod exports_state;
mod freshness;
mod moment;
mod orders;
mod page;
mod parameters;
mod preconditions;
mod problem_types;
mod problems;
mod products;
mod reports;
mod respond;
mod schemas;
pub mod signed_link;
mod stats;
mod stock;
mod stock_holds;

use axum::Router;
use platform::openapi::Routes;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use app::App;
use documentation::INFO;

use crate::reads::gzip;

/// All routes of the query service, with the OpenAPI document.
pub fn router(app: App) -> Router {
    routes().finish(&INFO).with_state(app)
}

/// All routes, with their documentation.
pub fn routes() -> Routes<App> {
    // Pages that are kept are compressed already.
    let large = SizeAbove::new(gzip::MIN_BYTES as u64);
    let compressed = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(large);
    let lists = orders::list::routes()
        .merge(orders::timeline::routes())
        .merge(orders::events::routes())
        .merge(customers::list_routes())
        .merge(products::list_routes())
        .merge(stock::list_routes())
        .merge(events::routes())
        .merge(reports::routes());
    orders::routes()
        .merge(customers::routes())
        .merge(customer_search::routes())
        .merge(products::routes())
        .merge(stock::routes())
        .merge(stock_holds::routes())
        .merge(stats::routes())
        .merge(freshness::routes())
        .merge(schemas::routes())
        .merge(events::subscribe::routes())
        .merge(exports::routes())
        .merge(export_schedules::routes())
        .merge(lists.map(|router| router.layer(compressed)))
}
