//! The HTTP/1.1 server with limits and an orderly shutdown. It has its own accept loop, because `axum::serve` sets no timers, does not limit
//! connections and has no deadline for the drain.
//!
//! `limits` defines the limits, `admission` counts connections, `connection` serves one connection, `head` checks what hyper does not check,
//! `shell`, `endpoint` and `guarded` are the layer around every request, `version` checks the API version, `observe` records metrics.

mod admission;
mod connection;
mod endpoint;
mod guarded;
mod head;
mod limits;
mod observe;
mod shell;
mod version;

pub use limits::{Limits, RouteLimits, Unpacking};
pub use shell::shell;
pub use version::API_VERSIONS;

use crate::shutdown::Shutdown;
use admission::{Admission, Admitted};
use axum::Router;
use connection::Connections;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections that the kernel queues until they are accepted: enough for all clients to reconnect at once.
const BACKLOG: u32 = 4096;
/// Pause after a failed accept: without free file descriptors, other connections must close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Result of the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were aborted at the deadline, because their request was still running.
    pub cut_off: usize,
}

/// Listens on an address, which a previous process may just have released.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Serves until the shutdown is requested, then lets running requests finish within [`Limits::drain_timeout`].
///
/// Sets the fallbacks of the router (404 and 405 problems) and wraps the router in the [`shell`]. After the request to shut down, the server
/// accepts connections for [`Limits::drain_notice`], so that load balancers see the failing readiness probe first. While running requests
/// finish, new requests get 503.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: Shutdown) -> Drained {
    let (stop, stopping) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
    let router = shell::until(Arc::clone(&stopping), router, &limits);
    let connections = Connections::new(router, &limits, stop.clone());
    let mut running = JoinSet::new();

    let admission = accept_until_shutdown(&listener, &connections, &limits, &shutdown, &mut running).await;
    stopping.store(true, Ordering::Relaxed);
    stop.cancel();
    let refusing = connections.for_one_request();
    tokio::select! {
        biased;
        drained = drain(running, limits.drain_timeout) => drained,
        never = refuse(&listener, &refusing, &admission) => never,
    }
}

/// Responds to new connections with 503 during the drain.
async fn refuse(listener: &TcpListener, connections: &Connections, admission: &Arc<Admission>) -> ! {
    let mut refused = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(admitted) = admission.admit(peer.ip()) else { continue };
                refused.spawn(serve_one(connections.clone(), stream, peer, admitted));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while let Some(ended) = refused.try_join_next() {
            log_panic(ended);
        }
    }
}

async fn accept_until_shutdown(
    listener: &TcpListener,
    connections: &Connections,
    limits: &Limits,
    shutdown: &Shutdown,
    running: &mut JoinSet<()>,
) -> Arc<Admission> {
    let admission = Arc::new(Admission::new(limits));
    let mut notice_ended = pin!(async {
        shutdown.requested().await;
        tokio::time::sleep(limits.drain_notice).await;
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut notice_ended => return admission,
            Some(ended) = running.join_next() => { log_panic(ended); continue; }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(admitted) = admission.admit(peer.ip()) else { continue };
                running.spawn(serve_one(connections.clone(), stream, peer, admitted));
            }
            Err(error) if is_closed_by_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; retrying");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(connections: Connections, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
    connections.run(stream, peer).await;
    drop(admitted);
}

/// Waits for open connections; aborts the remaining ones at the deadline.
async fn drain(mut running: JoinSet<()>, timeout: Duration) -> Drained {
    let all_ended = async {
        while let Some(ended) = running.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(timeout, all_ended).await.is_ok() {
        return Drained { cut_off: 0 };
    }
    let cut_off = running.len();
    tracing::warn!(connections = cut_off, "aborting connections at the drain deadline");
    running.shutdown().await;
    Drained { cut_off }
}

/// Panics of handlers result in a response. A panic here is an error of the server itself; the panic hook has logged its details.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of a connection panicked");
    }
}

/// Whether the client closed the connection before it was accepted.
fn is_closed_by_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
