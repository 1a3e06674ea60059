//! One endpoint of a server: its limits, its metrics, and the checks before its handler runs. [`super::shell`] wraps the handler.

use super::head;
use super::limits::{Limits, RouteLimits, Unpacking};
use super::observe::RouteMetrics;
use super::version;
use crate::body;
use crate::problem::Problem;
use axum::extract::{MatchedPath, Request};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// State that all endpoints of a server share.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) in_flight: AtomicUsize,
}

/// State of one endpoint.
pub(super) struct Endpoint {
    shared: Arc<Shared>,
    /// Set by the first request, because only requests contain the matched path.
    own: OnceLock<Own>,
}

/// Limits and metrics of one endpoint.
pub(super) struct Own {
    pub(super) limits: RouteLimits,
    pub(super) metrics: RouteMetrics,
}

impl Endpoint {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Endpoint { shared, own: OnceLock::new() }
    }

    /// Whether the server is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn own_for(&self, request: &Request) -> &Own {
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
    pub(super) fn try_acquire(&self) -> bool {
        let before = self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        let is_free = before < self.shared.limits.requests_in_flight_max;
        if !is_free {
            self.release();
        }
        is_free
    }

    /// The checks before the handler runs.
    pub(super) fn check(&self, request: &mut Request, own: &Own) -> Result<(), Problem> {
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
