//! Metrics of one route. The handles are created once, so that a request does not build labels.

use crate::metric_names::{
    HTTP_PANICS_TOTAL, HTTP_REQUEST_SECONDS, HTTP_REQUESTS_ABANDONED_TOTAL, HTTP_REQUESTS_SHED_TOTAL,
    HTTP_REQUESTS_TOTAL,
};
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use std::sync::OnceLock;
use std::time::Duration;

/// Methods as metric labels. Unknown methods are counted as the last one, because the number of labels must be limited.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Route label of requests that match no route.
const UNMATCHED: &str = "unmatched";

/// The metrics of one route.
pub(super) struct RouteMetrics {
    route: String,
    by_method: [OnceLock<MethodMetrics>; METHODS.len()],
    pub(super) shed: Counter,
    pub(super) abandoned: Counter,
    pub(super) panics: Counter,
}

struct MethodMetrics {
    seconds: Histogram,
    by_status_class: [Counter; STATUS_CLASSES.len()],
}

impl RouteMetrics {
    pub(super) fn new(route: Option<&str>) -> Self {
        let route = route.unwrap_or(UNMATCHED).to_owned();
        RouteMetrics {
            by_method: Default::default(),
            shed: metrics::counter!(HTTP_REQUESTS_SHED_TOTAL, "route" => route.clone()),
            abandoned: metrics::counter!(HTTP_REQUESTS_ABANDONED_TOTAL, "route" => route.clone()),
            panics: metrics::counter!(HTTP_PANICS_TOTAL, "route" => route.clone()),
            route,
        }
    }

    pub(super) fn route(&self) -> &str {
        &self.route
    }

    /// Records a response.
    pub(super) fn answered(&self, method: MethodLabel, status: StatusCode, took: Duration) {
        let metrics = self.by_method[method.0].get_or_init(|| self.of_method(method.as_str()));
        metrics.seconds.record(took.as_secs_f64());
        let class = usize::from(status.as_u16() / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        metrics.by_status_class[class].increment(1);
    }

    fn of_method(&self, method: &'static str) -> MethodMetrics {
        let route = &self.route;
        MethodMetrics {
            seconds: metrics::histogram!(HTTP_REQUEST_SECONDS, "route" => route.clone(), "method" => method),
            by_status_class: STATUS_CLASSES.map(|class| {
                metrics::counter!(HTTP_REQUESTS_TOTAL, "route" => route.clone(), "method" => method, "status" => class)
            }),
        }
    }
}

/// The method of a request as a metric label.
#[derive(Debug, Clone, Copy)]
pub(super) struct MethodLabel(usize);

impl MethodLabel {
    pub(super) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|name| *name == method.as_str());
        MethodLabel(known.unwrap_or(METHODS.len() - 1))
    }

    pub(super) fn as_str(self) -> &'static str {
        METHODS[self.0]
    }
}
