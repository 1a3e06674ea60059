//! The future of a request: the handler with a time limit, the conversion of panics to responses, response headers and metrics. Created by
//! [`super::shell`].

use super::endpoint::Endpoint;
use super::observe::MethodLabel;
use super::version;
use crate::caller::{RequestId, X_REQUEST_ID};
use crate::problem::{Problem, shell as problems};
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// Browsers must not guess the content type (fetch.spec.whatwg.org). Sent with every response.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// How a request is processed.
#[expect(clippy::large_enum_variant, reason = "the large variant is nearly every request")]
pub(super) enum Work {
    /// The handler runs.
    Handle { handler: RouteFuture<Infallible>, timeout: Duration, timer: Option<Pin<Box<Sleep>>> },
    /// The request is rejected, after its body was discarded.
    Refuse(Pin<Box<dyn Future<Output = Problem> + Send>>),
    /// The request is rejected immediately and does not count as in flight.
    Shed(fn() -> Problem),
}

impl Work {
    pub(super) fn handle(handler: RouteFuture<Infallible>, timeout: Duration) -> Self {
        Work::Handle { handler, timeout, timer: None }
    }
}

/// The future response to a request.
pub(super) struct Guarded {
    endpoint: Arc<Endpoint>,
    method: MethodLabel,
    request_id: Option<RequestId>,
    began: Instant,
    work: Work,
}

impl Guarded {
    pub(super) fn new(endpoint: Arc<Endpoint>, method: MethodLabel, request_id: RequestId, work: Work) -> Self {
        Guarded { endpoint, method, request_id: Some(request_id), began: Instant::now(), work }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Response> {
        let (handler, timeout, timer) = match &mut self.work {
            Work::Handle { handler, timeout, timer } => (handler, *timeout, timer),
            Work::Refuse(refusal) => return refusal.as_mut().poll(cx).map(Problem::into_response),
            Work::Shed(problem) => return Poll::Ready(problem().into_response()),
        };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(handler).poll(cx))) {
            Ok(Poll::Ready(Ok(response))) => return Poll::Ready(response),
            Ok(Poll::Pending) => {}
            Err(panic) => return Poll::Ready(self.panicked(&*panic)),
        }
        // Most handlers are ready at once; only one that waits needs a timer.
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        timer.as_mut().poll(cx).map(|()| problems::timeout().into_response())
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        let message =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let own = self.endpoint.own();
        tracing::error!(
            http.route = own.map(|own| own.metrics.route()),
            http.method = self.method.as_str(),
            request.id = self.request_id.as_ref().map(tracing::field::display),
            panic.message = message,
            "handler panicked; responded with 500"
        );
        if let Some(own) = own {
            own.metrics.panics.increment(1);
        }
        problems::internal().into_response()
    }

    /// Adds the common headers and records the metrics.
    fn finish(&mut self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.endpoint.is_versioned() {
            headers.insert(version::API_VERSION, version::NEWEST);
        }
        if let Some(id) = self.request_id.take() {
            headers.insert(X_REQUEST_ID, id.into_header());
        }
        if let Some(own) = self.endpoint.own() {
            own.metrics.answered(self.method, response.status(), self.began.elapsed());
        }
    }
}

impl Future for Guarded {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_answer(cx).map(|mut response| {
            self.finish(&mut response);
            Ok(response)
        })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !matches!(self.work, Work::Shed(_)) {
            self.endpoint.release();
        }
        // The response takes the id. If the id is still here, the client closed the connection first.
        if self.request_id.is_some()
            && let Some(own) = self.endpoint.own()
        {
            own.metrics.abandoned.increment(1);
        }
    }
}
