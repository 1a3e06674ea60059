//! Serves one connection: hyper's HTTP/1 with a time limit for headers, the router, and the shutdown. Created by [`super::serve`].

use super::head;
use super::limits::Limits;
use crate::caller::{Caller, X_REQUEST_ID};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Settings of all connections of a server.
#[derive(Clone)]
pub(super) struct Connections {
    http: http1::Builder,
    router: Router,
    write_stall_timeout: Duration,
    stop: CancellationToken,
}

impl Connections {
    pub(super) fn new(router: Router, limits: &Limits, stop: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.header_bytes_max)
            .keep_alive(true);
        Connections { http, router, write_stall_timeout: limits.write_stall_timeout, stop }
    }

    /// Settings of connections during the drain: one request each.
    pub(super) fn for_one_request(mut self) -> Self {
        self.http.keep_alive(false);
        Connections { stop: CancellationToken::new(), ..self }
    }

    /// Serves until the client closes the connection, violates the protocol, or the server shuts down and the running request has ended.
    pub(super) async fn run(self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = self.tune(&stream) {
            tracing::debug!(%error, "connection closed by the client before its first request");
            return;
        }
        // A child token: all connections polling the same token would contend for its lock.
        let stop = self.stop.child_token();
        let entry = Entry { router: RefCell::new(self.router), peer };
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), entry));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended with an error");
        }
    }

    fn tune(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        socket2::SockRef::from(stream).set_tcp_user_timeout(Some(self.write_stall_timeout))
    }
}

/// Passes requests from hyper to axum. All connections share the router; each has its own handle.
struct Entry {
    router: RefCell<Router>,
    peer: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Entry {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        let caller = Caller::new(self.peer, request.headers().get(X_REQUEST_ID));
        request.extensions_mut().insert(caller);
        if let Err(fault) = head::check(&request) {
            request.extensions_mut().insert(fault);
        }
        self.router.borrow_mut().call(request)
    }
}
