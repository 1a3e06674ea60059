//! The layer around every request. It sheds load, checks the API version, limits and decompresses the body, applies the time limit, catches
//! panics, sets the request id and records metrics ([`super::guarded`] does the second half). It is a single layer, because each layer costs
//! every request two allocations.
//!
//! The layer wraps each endpoint inside the router: there the matched path is known, and each endpoint keeps its own limits and metric handles
//! ([`super::observe`]).

use super::guarded::{Guarded, Work};
use super::head;
use super::limits::{Limits, RouteLimits, Unpacking};
use super::observe::{MethodLabel, RouteMetrics};
use super::version;
use crate::body;
use crate::caller::Caller;
use crate::problem::{Problem, shell as problems};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use axum::routing::Route;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
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

/// State that all endpoints of a server share.
struct Shared {
    limits: Limits,
    stopping: Arc<AtomicBool>,
    in_flight: AtomicUsize,
}

#[derive(Clone)]
struct Shell(Arc<Shared>);

impl Layer<Route> for Shell {
    type Service = Guard;

    fn layer(&self, route: Route) -> Guard {
        Guard { endpoint: Arc::new(Endpoint { shared: Arc::clone(&self.0), own: OnceLock::new() }), route }
    }
}

/// State of one endpoint.
pub(super) struct Endpoint {
    shared: Arc<Shared>,
    /// Set by the first request, because only requests contain the matched path.
    own: OnceLock<Own>,
}

/// Limits and metrics of one endpoint.
pub(super) struct Own {
    limits: RouteLimits,
    pub(super) metrics: RouteMetrics,
}

impl Endpoint {
    fn own_for(&self, request: &Request) -> &Own {
        let path = || request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        self.own.get_or_init(|| Own { limits: self.shared.limits.of_route(path()), metrics: RouteMetrics::new(path()) })
    }

    /// Limits and metrics, after the first request.
    pub(super) fn own(&self) -> Option<&Own> {
        self.own.get()
    }

    /// Whether responses carry `Api-Version`.
    pub(super) fn is_versioned(&self) -> bool {
        self.shared.limits.is_versioned
    }

    /// Counts a request as in flight; `false` if the limit is reached.
    fn try_acquire(&self) -> bool {
        let before = self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        let is_free = before < self.shared.limits.requests_in_flight_max;
        if !is_free {
            self.release();
        }
        is_free
    }

    /// The checks before the handler runs.
    fn check(&self, request: &mut Request, own: &Own) -> Result<(), Problem> {
        if let Some(fault) = request.extensions().get::<head::Fault>() {
            return Err(fault.problem());
        }
        if self.is_versioned() {
            version::check(request.headers())?;
        }
        body::limit(request, own.limits.body_bytes_max)?;
        match own.limits.unpacking {
            Unpacking::ByServer => body::coding::unpack(request, own.limits.body_bytes_max),
            Unpacking::ByHandler => Ok(()),
        }
    }

    /// Ends the count of a request as in flight.
    pub(super) fn release(&self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
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
        let work = if self.endpoint.shared.stopping.load(Ordering::Relaxed) {
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
