//! The layer around every request. It sheds load, checks the API version, limits and decompresses the body, applies the time limit, catches
//! panics, sets the request id and records metrics ([`super::guarded`] does the second half). It is a single layer, because each layer costs
//! every request two allocations.
//!
//! The layer wraps each endpoint inside the router: there the matched path is known, and each endpoint keeps its own limits and metric handles
//! ([`super::endpoint`], [`super::observe`]).

use super::endpoint::{Endpoint, Shared};
use super::guarded::{Guarded, Work};
use super::limits::Limits;
use super::observe::MethodLabel;
use crate::body;
use crate::caller::Caller;
use crate::problem::shell as problems;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::Route;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// The router with 404 and 405 problems and this layer around every endpoint. Called by [`super::serve`] and by tests.
pub fn shell(router: Router, limits: &Limits) -> Router {
    until(Arc::default(), router, limits)
}

/// The same, with 503 for every request after `stopping` is set.
pub(super) fn until(stopping: Arc<AtomicBool>, router: Router, limits: &Limits) -> Router {
    let shared = Arc::new(Shared { limits: limits.clone(), stopping, in_flight: AtomicUsize::new(0) });
    router
        .fallback(problems::not_found)
        .method_not_allowed_fallback(problems::method_not_allowed)
        .layer(Shell(shared))
        // Without this call, axum would combine the endpoints and their layers again for each request.
        .with_state(())
}

#[derive(Clone)]
struct Shell(Arc<Shared>);

impl Layer<Route> for Shell {
    type Service = Guard;

    fn layer(&self, route: Route) -> Guard {
        Guard { endpoint: Arc::new(Endpoint::new(Arc::clone(&self.0))), route }
    }
}

/// An endpoint with this layer.
#[derive(Clone)]
pub(super) struct Guard {
    endpoint: Arc<Endpoint>,
    route: Route,
}

impl Service<Request> for Guard {
    type Response = Response;
    type Error = Infallible;
    type Future = Guarded;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Guarded {
        let own = self.endpoint.own_for(&request);
        let method = MethodLabel::of(request.method());
        let request_id = Caller::request_id_of(&mut request);
        let work = if self.endpoint.is_stopping() {
            own.metrics.shed.increment(1);
            Work::Shed(problems::stopping)
        } else if !self.endpoint.try_acquire() {
            own.metrics.shed.increment(1);
            Work::Shed(problems::overloaded)
        } else {
            match self.endpoint.check(&mut request, own) {
                Ok(()) => Work::handle(self.route.call(request), own.limits.request_timeout),
                Err(problem) => Work::Refuse(Box::pin(body::refuse(request, problem))),
            }
        };
        Guarded::new(Arc::clone(&self.endpoint), method, request_id, work)
    }
}
