//! The HTTP API of operators, on the admin port: the same state and the same commands on projections as the command line
//! ([`crate::operate`]).
//!
//! [`projections`] shows the state, [`rebuilds`] starts, pauses and resumes rebuilds, [`verifications`] starts verifications
//! and shows their reports, [`generations`] promotes, rolls back and retires generations, [`parked`] shows and retries parked
//! streams and skips their events. Rebuilds and verifications run as [`tasks`] of this process. [`problems`] has the problem
//! documents, [`same_site`] rejects the requests of other sites' pages, [`state`] is shared by all handlers.
//!
//! `GET /v1/openapi.json` is the OpenAPI document, `GET /docs` a page to browse and try it.

mod generations;
mod parked;
mod problems;
mod projections;
mod rebuilds;
mod same_site;
mod state;
mod tasks;
mod verifications;

use axum::Router;
use axum::middleware::from_fn;
use platform::openapi::{Info, Routes};

pub use state::Ops;

/// General description in the OpenAPI document.
const INFO: Info = Info {
    title: "Orders: projections",
    description: "Shows the projections with their generations, and runs the commands of operators on them. The API has no \
                  authentication: it must be reachable by operators only. A request with a body needs `Content-Type: \
                  application/json`, and pages of other sites are rejected. Errors are problem documents (RFC 9457); clients \
                  should decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// All routes of the API.
pub fn router(ops: Ops) -> Router {
    routes().map(|router| router.layer(from_fn(same_site::guard))).finish(&INFO).with_state(ops)
}

fn routes() -> Routes<Ops> {
    let group = || Routes::about("projections", "Projections, their generations, and the commands of operators.");
    let routes =
        generations::add_routes(verifications::add_routes(rebuilds::add_routes(projections::add_routes(group()))));
    let parked = Routes::about("parked streams", "Streams whose next event cannot be applied.");
    routes.merge(parked::add_routes(parked))
}
